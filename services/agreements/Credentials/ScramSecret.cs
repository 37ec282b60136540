using System.Security.Cryptography;
using System.Text;

namespace Mailkey.Agreements.Credentials;

/// <summary>A secret that was made here, and what is kept of it (RFC 5802 §3 with SHA-256, RFC 7677).</summary>
public sealed record ScramSecret
{
    /// <summary>Rounds of PBKDF2. RFC 7677 §4 asks for 4096 at least; more would only protect secrets that people think up, and these are random.</summary>
    public const int Iterations = 4096;

    /// <summary>Octets of salt.</summary>
    public const int SaltLength = 16;

    /// <summary>Characters of a secret, five random bits each.</summary>
    private const int SecretLength = 32;

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    public required byte[] Salt { get; init; }

    public required byte[] StoredKey { get; init; }

    public required byte[] ServerKey { get; init; }

    /// <summary>Makes a secret.</summary>
    /// <param name="secret">The secret in clear: ASCII, so that it means the same under every string preparation.</param>
    public static ScramSecret Mint(out string secret)
    {
        secret = RandomNumberGenerator.GetString(Alphabet, SecretLength);
        return Of(secret, RandomNumberGenerator.GetBytes(SaltLength));
    }

    /// <summary>What is kept of a secret.</summary>
    public static ScramSecret Of(string secret, byte[] salt)
    {
        // SaltedPassword := Hi(Normalize(password), salt, i)
        // ClientKey := HMAC(SaltedPassword, "Client Key"), StoredKey := H(ClientKey), ServerKey := HMAC(SaltedPassword, "Server Key")
        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(secret), salt, Iterations, HashAlgorithmName.SHA256, SHA256.HashSizeInBytes);
        var secretKeys = new ScramSecret
        {
            Salt = salt,
            StoredKey = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8)),
            ServerKey = HMACSHA256.HashData(salted, "Server Key"u8),
        };
        CryptographicOperations.ZeroMemory(salted);
        return secretKeys;
    }
}
