using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Mailkey.Agreements.Accounts;

/// <summary>What is kept of a password: PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2), slow on purpose, with a salt of its own.</summary>
/// <remarks>As text: <c>pbkdf2-sha256:ITERATIONS:SALT:HASH</c>, the last two in base64.</remarks>
public sealed class PasswordHash
{
    /// <summary>What new passwords get: what OWASP recommends for this function; a fifth of a second.</summary>
    public const int DefaultIterations = 600_000;

    /// <summary>Octets of UTF-8 of a password; longer ones are refused before they cost anything.</summary>
    public const int MaxPasswordLength = 256;

    private const string Scheme = "pbkdf2-sha256";
    private const int SaltLength = 16;
    private const int HashLength = 32;

    // More than this is not slow but stuck.
    private const int MaxIterations = 20_000_000;

    private readonly byte[] _salt;
    private readonly byte[] _hash;

    private PasswordHash(int iterations, byte[] salt, byte[] hash) => (Iterations, _salt, _hash) = (iterations, salt, hash);

    public int Iterations { get; }

    /// <summary>Makes the hash of a new password.</summary>
    public static PasswordHash Of(string password, int iterations = DefaultIterations)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltLength);
        return new(iterations, salt, Derive(password, salt, iterations));
    }

    /// <summary>
    /// Whether a text, of octets that were decoded as UTF-8, can be a password of anybody. U+FFFE is no character, and has no normal form.
    /// </summary>
    public static bool IsPossible(string password) => password.Length > 0 && Encoding.UTF8.GetByteCount(password) <= MaxPasswordLength && !password.Contains('\uFFFE', StringComparison.Ordinal);

    /// <summary>A hash that no password has, and that costs as much to try as another.</summary>
    public static PasswordHash OfNone(int iterations) => new(iterations, new byte[SaltLength], RandomNumberGenerator.GetBytes(HashLength));

    public static bool TryParse(string text, [NotNullWhen(true)] out PasswordHash? hash)
    {
        hash = null;
        var salt = new byte[SaltLength];
        var value = new byte[HashLength];
        if (text.Split(':') is not [Scheme, var count, var first, var second]
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var iterations) || iterations is < 1 or > MaxIterations
            || !Convert.TryFromBase64String(first, salt, out var saltLength) || saltLength != SaltLength
            || !Convert.TryFromBase64String(second, value, out var hashLength) || hashLength != HashLength)
        {
            return false;
        }

        hash = new(iterations, salt, value);
        return true;
    }

    /// <summary>Whether it is the hash of a password; the time does not say how nearly.</summary>
    public bool Matches(string password) => CryptographicOperations.FixedTimeEquals(Derive(password, _salt, Iterations), _hash);

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Scheme}:{Iterations}:{Convert.ToBase64String(_salt)}:{Convert.ToBase64String(_hash)}");

    // The same letter can be typed as one code point or as two.
    private static byte[] Derive(string password, byte[] salt, int iterations) =>
        Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password.Normalize(NormalizationForm.FormC)), salt, iterations, HashAlgorithmName.SHA256, HashLength);
}
