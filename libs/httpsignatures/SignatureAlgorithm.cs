using System.Security.Cryptography;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;

namespace Mailkey.HttpSignatures;

/// <summary>
/// The algorithms that the keys of a key set are good for (RFC 9421 §3.3): the key decides, not what a message says. So a signature can't have
/// a key used in a way that its owner did not mean.
/// </summary>
public static class SignatureAlgorithm
{
    public const string Ed25519 = "ed25519";
    public const string RsaPkcs1Sha256 = "rsa-v1_5-sha256";

    /// <summary>The algorithm of a type of key, as <c>alg</c> names it.</summary>
    public static string Of(KeyType type) => type == KeyType.Ed25519 ? Ed25519 : RsaPkcs1Sha256;

    /// <summary>Signs.</summary>
    public static byte[] Sign(SigningKey key, ReadOnlySpan<byte> text)
    {
        ArgumentNullException.ThrowIfNull(key);

        // RFC 9421 §3.3.6: Ed25519 is over the text itself.
        return key.Type == KeyType.Ed25519 ? key.SignText(text) : key.SignHash(SHA256.HashData(text));
    }

    /// <summary>Verifies.</summary>
    public static bool Verify(VerifyKey key, ReadOnlySpan<byte> text, ReadOnlySpan<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Type == KeyType.Ed25519 ? key.VerifyText(text, signature) : key.VerifyHash(SHA256.HashData(text), signature);
    }
}
