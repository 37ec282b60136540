using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Mailkey.Agreements.Consents;

/// <summary>
/// What the link in a question for consent carries: which question, until when, and that it was us who wrote it. It opens the page of that
/// question and nothing else; what is answered there is a request of its own.
/// </summary>
/// <remarks>
/// <code>
/// token   = 61( a-z / 2-7 )                          ; 38 octets in base32 (RFC 4648 §6), lower case, no padding
/// octets  = purpose key-id expires question mac
/// purpose = %x51                                     ; a question for consent: no token of another kind begins so
/// key-id  = OCTET
/// expires = 4OCTET                                   ; seconds since 1970, big endian
/// question = 16OCTET
/// mac     = 16OCTET                                  ; the first half of HMAC-SHA-256 over all before it
/// </code>
/// </remarks>
public sealed class ConsentTokens(ConsentKeys keys, TimeProvider time)
{
    /// <summary>Characters of a token.</summary>
    public const int Length = 61;

    private const byte Purpose = 0x51;
    private const int Signed = 1 + 1 + 4 + 16;
    private const int MacLength = 16;
    private const int Octets = Signed + MacLength;
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    /// <summary>Writes a token.</summary>
    /// <param name="question">Names the question.</param>
    /// <param name="expires">From this second on it opens nothing.</param>
    public async ValueTask<string> IssueAsync(Guid question, DateTimeOffset expires, CancellationToken cancellationToken)
    {
        var key = await keys.CurrentAsync(cancellationToken);
        return Write(key, question, expires);
    }

    /// <summary>Reads a token.</summary>
    /// <returns>The question; null when the token is not ours, was changed, or has expired. Which of these it was is nobody's business.</returns>
    public async ValueTask<Guid?> ReadAsync(string? token, CancellationToken cancellationToken)
    {
        if (!TryDecode(token, out var octets) || octets[0] != Purpose || await keys.FindAsync(octets[1], cancellationToken) is not { } key)
        {
            return null;
        }

        var isOurs = CryptographicOperations.FixedTimeEquals(HMACSHA256.HashData(key.Secret, octets.AsSpan(0, Signed)).AsSpan(0, MacLength), octets.AsSpan(Signed));
        return isOurs && BinaryPrimitives.ReadUInt32BigEndian(octets.AsSpan(2)) > time.GetUtcNow().ToUnixTimeSeconds()
            ? new Guid(octets.AsSpan(6, 16), bigEndian: true)
            : null;
    }

    private static string Write(ConsentKey key, Guid question, DateTimeOffset expires)
    {
        var octets = new byte[Octets];
        octets[0] = Purpose;
        octets[1] = key.Id;
        BinaryPrimitives.WriteUInt32BigEndian(octets.AsSpan(2), (uint)Math.Clamp(expires.ToUnixTimeSeconds(), 0, uint.MaxValue));
        question.TryWriteBytes(octets.AsSpan(6), bigEndian: true, out _);
        HMACSHA256.HashData(key.Secret, octets.AsSpan(0, Signed)).AsSpan(0, MacLength).CopyTo(octets.AsSpan(Signed));

        return string.Create(Length, octets, static (text, from) =>
        {
            for (var i = 0; i < text.Length; i++)
            {
                var bit = i * 5;
                var pair = (from[bit / 8] << 8) | (bit / 8 + 1 < from.Length ? from[bit / 8 + 1] : 0);
                text[i] = Alphabet[(pair >> (11 - bit % 8)) & 31];
            }
        });
    }

    private static bool TryDecode(string? token, [NotNullWhen(true)] out byte[]? octets)
    {
        octets = null;
        if (token?.Length != Length)
        {
            return false;
        }

        var decoded = new byte[Octets];
        for (var i = 0; i < Length; i++)
        {
            var value = token[i] switch
            {
                >= 'a' and <= 'z' => token[i] - 'a',
                >= 'A' and <= 'Z' => token[i] - 'A',
                >= '2' and <= '7' => token[i] - '2' + 26,
                _ => -1,
            };
            if (value < 0)
            {
                return false;
            }

            var (at, shift) = (i * 5 / 8, 11 - i * 5 % 8);
            decoded[at] |= (byte)((value << shift) >> 8);
            if (at + 1 < Octets)
            {
                decoded[at + 1] |= (byte)(value << shift);
            }
            else if (((value << shift) & 0xff) != 0)
            {
                // The last character has a bit to spare; only one spelling is good.
                return false;
            }
        }

        octets = decoded;
        return true;
    }
}
