using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Mailkey.Agreements.Keys;

/// <summary>What a token is for. It enters the check character, so that a token of one purpose is none of another.</summary>
public enum TokenPurpose : byte
{
    Agreement = 0x0b,
    Address = 0x15,
}

/// <summary>
/// 130 random bits as 26 characters of the base32 alphabet (RFC 4648 §6) in lower case, and one check character. Nobody guesses one, two are
/// never the same, and it survives whatever changes the case of a local part on the way.
/// </summary>
/// <remarks>
/// <code>
/// token = 26base32 check        ; 27 characters of a-z and 2-7, read in any case
/// check = base32                ; over GF(32) with x^5 + x^2 + 1 and its root a: purpose + sum of a^i * c(i), i = 1 ... 26
/// </code>
/// The check finds every single wrong character and every two that changed places, before a database is asked. It is no secret.
/// </remarks>
public readonly struct OpaqueToken : IEquatable<OpaqueToken>
{
    /// <summary>Characters that carry the random bits.</summary>
    public const int RandomLength = 26;

    /// <summary>Characters of a token with its check character.</summary>
    public const int Length = RandomLength + 1;

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    private readonly string? _text;

    private OpaqueToken(string text) => _text = text;

    /// <summary>Makes a token from the system's random numbers.</summary>
    public static OpaqueToken Mint(TokenPurpose purpose)
    {
        // 32 characters divide a random octet evenly: each carries five whole bits.
        Span<byte> random = stackalloc byte[RandomLength];
        RandomNumberGenerator.Fill(random);
        return new(string.Create(Length, (random.ToArray(), purpose), static (text, from) =>
        {
            for (var i = 0; i < RandomLength; i++)
            {
                text[i] = Alphabet[from.Item1[i] & 31];
            }

            text[RandomLength] = Alphabet[Check(text[..RandomLength], from.purpose)];
        }));
    }

    /// <summary>Reads a token in any case.</summary>
    /// <returns>False when it is too long or short, has another character in it, or was not minted for this purpose.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, TokenPurpose purpose, out OpaqueToken token)
    {
        token = default;
        if (text.Length != Length)
        {
            return false;
        }

        Span<char> lower = stackalloc char[Length];
        for (var i = 0; i < Length; i++)
        {
            lower[i] = text[i] is >= (byte)'A' and <= (byte)'Z' ? (char)(text[i] | 0x20) : (char)text[i];
            if (ValueOf(lower[i]) < 0)
            {
                return false;
            }
        }

        if (ValueOf(lower[RandomLength]) != Check(lower[..RandomLength], purpose))
        {
            return false;
        }

        token = new(lower.ToString());
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, TokenPurpose, out OpaqueToken)"/>
    public static bool TryParse([NotNullWhen(true)] string? text, TokenPurpose purpose, out OpaqueToken token)
    {
        token = default;
        if (text?.Length != Length)
        {
            return false;
        }

        // What is not ASCII becomes "?", which the alphabet lacks.
        Span<byte> octets = stackalloc byte[Length];
        return Encoding.ASCII.TryGetBytes(text, octets, out _) && TryParse(octets, purpose, out token);
    }

    /// <summary>Compares in a time that does not say where the first difference is.</summary>
    public bool Equals(OpaqueToken other)
    {
        Span<byte> mine = stackalloc byte[Length];
        Span<byte> theirs = stackalloc byte[Length];
        mine.Clear();
        theirs.Clear();
        Encoding.ASCII.GetBytes(ToString(), mine);
        Encoding.ASCII.GetBytes(other.ToString(), theirs);
        return CryptographicOperations.FixedTimeEquals(mine, theirs);
    }

    public override bool Equals(object? obj) => obj is OpaqueToken other && Equals(other);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ToString());

    /// <summary>The token in lower case; empty for the default value.</summary>
    public override string ToString() => _text ?? "";

    public static bool operator ==(OpaqueToken left, OpaqueToken right) => left.Equals(right);

    public static bool operator !=(OpaqueToken left, OpaqueToken right) => !left.Equals(right);

    private static int ValueOf(char character) => character switch
    {
        >= 'a' and <= 'z' => character - 'a',
        >= '2' and <= '7' => character - '2' + 26,
        _ => -1,
    };

    // Horner's rule from the last character to the first; multiplying by the root shifts by one and reduces x^5 to x^2 + 1. The factors
    // a^1 ... a^26 all differ, because a has order 31: that is why an exchange of two characters shows.
    private static int Check(ReadOnlySpan<char> random, TokenPurpose purpose)
    {
        var sum = 0;
        for (var i = random.Length - 1; i >= 0; i--)
        {
            sum = TimesRoot(sum ^ ValueOf(random[i]));
        }

        return sum ^ (int)purpose;
    }

    private static int TimesRoot(int value) => ((value << 1) & 31) ^ ((value & 16) != 0 ? 0b00101 : 0);
}
