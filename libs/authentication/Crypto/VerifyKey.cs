using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using Mailkey.Authentication.Keys;

namespace Mailkey.Authentication.Crypto;

/// <summary>Why a published key is not used.</summary>
public enum KeyDefectKind
{
    /// <summary>It is no key of its type, or one that is of no use.</summary>
    Malformed,
    TooShort,
    TooLong,
}

/// <summary>Why a published key is not used.</summary>
/// <param name="Message">One ASCII line.</param>
public readonly record struct KeyDefect(KeyDefectKind Kind, string Message);

/// <summary>
/// A public key that is imported once and verifies from then on. Any number of threads may use it at the same time.
/// </summary>
public sealed class VerifyKey
{
    /// <summary>RFC 8301 §3.2 demands 1024 of a signer and advises 2048; version 1 of mailkey refuses less than 2048.</summary>
    public const int MinRsaBits = 2048;

    /// <summary>RFC 8301 §3.2: a verifier of DKIM MUST be able to verify with 1024 to 4096 bits, and MUST NOT take less as valid.</summary>
    public const int MinDkimRsaBits = 1024;

    /// <summary>The largest modulus accepted: the work of a verification grows with the square of it, and the sender chooses it.</summary>
    public const int MaxRsaBits = 4096;

    /// <summary>Longest public exponent, in octets: one as long as the modulus makes a verification as dear as a signature.</summary>
    public const int MaxExponentLength = 4;

    // SubjectPublicKeyInfo of 4096 bits takes 550 octets; what is much longer need not be looked at.
    private const int MaxRsaMaterial = 600;

    private readonly Ed25519PublicKey? ed25519;

    // RSA promises no thread-safety, so that each verification has an instance of its own while it runs.
    private readonly ConcurrentBag<RSA>? idle;
    private readonly byte[] material;

    private VerifyKey(Ed25519PublicKey key, byte[] material)
    {
        Type = KeyType.Ed25519;
        Bits = 256;
        ed25519 = key;
        this.material = material;
    }

    private VerifyKey(RSA first, byte[] material)
    {
        Type = KeyType.Rsa;
        Bits = first.KeySize;
        idle = [first];
        this.material = material;
    }

    public KeyType Type { get; }

    /// <summary>Bits of the modulus; 256 for Ed25519.</summary>
    public int Bits { get; }

    /// <summary>Imports a published key. What is odd is refused before any arithmetic is done with it.</summary>
    /// <param name="material">32 raw octets of Ed25519, or SubjectPublicKeyInfo of RSA (RFC 3279 §2.3.1).</param>
    /// <param name="error">One ASCII line.</param>
    public static bool TryImport(KeyType type, ReadOnlySpan<byte> material, [NotNullWhen(true)] out VerifyKey? key, [NotNullWhen(false)] out string? error)
    {
        var good = TryImport(type, material, MinRsaBits, out key, out KeyDefect defect);
        error = good ? null : defect.Message;
        return good;
    }

    internal static bool TryImport(KeyType type, ReadOnlySpan<byte> material, int minRsaBits, [NotNullWhen(true)] out VerifyKey? key, out KeyDefect defect)
    {
        key = null;
        defect = default;
        if (type == KeyType.Ed25519)
        {
            if (!Ed25519PublicKey.TryImport(material, out var publicKey))
            {
                defect = Malformed(material.Length == Ed25519PublicKey.Length ? "not a usable Ed25519 key" : "an Ed25519 key has 32 octets");
                return false;
            }

            key = new VerifyKey(publicKey, material.ToArray());
            return true;
        }

        if (!IsAcceptableRsa(material, minRsaBits, out defect))
        {
            return false;
        }

        var copy = material.ToArray();
        if (!TryImportRsa(copy, out var rsa))
        {
            defect = Malformed("the RSA key is damaged");
            return false;
        }

        key = new VerifyKey(rsa, copy);
        return true;
    }

    /// <summary>Verifies a signature of Ed25519 over a text itself (RFC 9421 §3.3.6). A signature of the wrong length is a wrong signature.</summary>
    /// <exception cref="InvalidOperationException">An RSA key verifies hashes.</exception>
    public bool VerifyText(ReadOnlySpan<byte> text, ReadOnlySpan<byte> signature) =>
        ed25519 is not null ? ed25519.Verify(text, signature) : throw new InvalidOperationException("An RSA key verifies hashes.");

    /// <summary>Verifies a signature over a SHA-256. A signature of the wrong length is a wrong signature.</summary>
    public bool VerifyHash(ReadOnlySpan<byte> sha256, ReadOnlySpan<byte> signature)
    {
        if (ed25519 is not null)
        {
            return ed25519.Verify(sha256, signature);
        }

        // RFC 8017 §8.2.2: a signature has exactly the length of the modulus.
        if (signature.Length != (Bits + 7) / 8)
        {
            return false;
        }

        if (!idle!.TryTake(out var rsa) && !TryImportRsa(material, out rsa))
        {
            throw new CryptographicException("A key that was imported before cannot be imported again.");
        }

        try
        {
            return rsa.VerifyHash(sha256, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        finally
        {
            idle.Add(rsa);
        }
    }

    private static bool TryImportRsa(byte[] material, [NotNullWhen(true)] out RSA? rsa)
    {
        rsa = RSA.Create();
        try
        {
            rsa.ImportSubjectPublicKeyInfo(material, out _);
            return true;
        }
        catch (CryptographicException)
        {
            rsa.Dispose();
            rsa = null;
            return false;
        }
    }

    private static KeyDefect Malformed(string message) => new(KeyDefectKind.Malformed, message);

    // SubjectPublicKeyInfo ::= SEQUENCE { SEQUENCE { OID rsaEncryption, NULL }, BIT STRING { SEQUENCE { modulus, exponent } } }
    private static bool IsAcceptableRsa(ReadOnlySpan<byte> material, int minRsaBits, out KeyDefect defect)
    {
        defect = default;
        if (material.Length > MaxRsaMaterial)
        {
            defect = new(KeyDefectKind.TooLong, $"an RSA key of {material.Length} octets is longer than one of {MaxRsaBits} bits can be");
            return false;
        }

        try
        {
            var outer = new AsnReader(material.ToArray(), AsnEncodingRules.DER);
            var info = outer.ReadSequence();
            var algorithm = info.ReadSequence();
            if (algorithm.ReadObjectIdentifier() != "1.2.840.113549.1.1.1")
            {
                defect = Malformed("the algorithm of the key is not rsaEncryption");
                return false;
            }

            algorithm.ReadNull();
            algorithm.ThrowIfNotEmpty();
            var octets = info.ReadBitString(out var unused);
            info.ThrowIfNotEmpty();
            outer.ThrowIfNotEmpty();
            var inner = new AsnReader(octets, AsnEncodingRules.DER);
            var key = inner.ReadSequence();
            inner.ThrowIfNotEmpty();
            var modulus = key.ReadInteger();
            var exponent = key.ReadInteger();
            key.ThrowIfNotEmpty();
            var bits = modulus.GetBitLength();
            if (unused != 0 || modulus.Sign <= 0 || modulus.IsEven || exponent.Sign <= 0)
            {
                defect = Malformed("the RSA key is damaged");
            }
            else if (bits < minRsaBits)
            {
                defect = new(KeyDefectKind.TooShort, $"an RSA key of {bits} bits is too short; {minRsaBits} is the least");
            }
            else if (bits > MaxRsaBits)
            {
                defect = new(KeyDefectKind.TooLong, $"an RSA key of {bits} bits is too long; {MaxRsaBits} is the most");
            }
            else if (exponent.IsEven || exponent < 3 || exponent.GetByteCount(isUnsigned: true) > MaxExponentLength)
            {
                defect = Malformed("the exponent of the RSA key is even, less than 3 or longer than 32 bits");
            }
        }
        catch (AsnContentException)
        {
            defect = Malformed("the RSA key is not a SubjectPublicKeyInfo in DER");
        }

        return defect.Message is null;
    }
}
