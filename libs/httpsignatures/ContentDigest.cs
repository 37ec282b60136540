using System.Security.Cryptography;
using System.Text;

namespace Mailkey.HttpSignatures;

/// <summary>What comparing a body with its Content-Digest showed.</summary>
public enum ContentDigestResult
{
    /// <summary>Every digest that is known here fits, and there is one.</summary>
    Good,

    /// <summary>A digest does not fit.</summary>
    Bad,

    /// <summary>No digest, or none of an algorithm that counts.</summary>
    Missing,

    /// <summary>The field cannot be read.</summary>
    Malformed,
}

/// <summary>The field Content-Digest (RFC 9530): <c>sha-256=:…:</c>.</summary>
public static class ContentDigest
{
    /// <summary>Digests of one message.</summary>
    public const int MaxDigests = 8;

    // RFC 9530 §5: the two that are active; md5, sha, crc32c and the like are no protection.
    private const string Sha256 = "sha-256";
    private const string Sha512 = "sha-512";

    /// <summary>The field for a body.</summary>
    public static string Of(ReadOnlySpan<byte> body) => $"{Sha256}=:{Convert.ToBase64String(SHA256.HashData(body))}:";

    /// <summary>Compares. Never throws.</summary>
    /// <param name="field">The field, its lines joined by commas.</param>
    public static ContentDigestResult Check(ReadOnlySpan<byte> field, ReadOnlySpan<byte> body)
    {
        if (field.Length > MessageSignature.MaxFieldLength)
        {
            return ContentDigestResult.Malformed;
        }

        var reader = new StructuredReader(field);
        reader.SkipSpaces();
        var (known, isGood) = (0, true);
        HashSet<string> names = new(StringComparer.Ordinal);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadKey(out var name) || !reader.TryTake((byte)'=') || !reader.TryReadBytes(out _, out var digest) || !reader.TryReadParameters(out _)
                || !names.Add(name) || names.Count > MaxDigests || (!reader.TryNextMember(out var isEnd) && !isEnd))
            {
                return ContentDigestResult.Malformed;
            }

            if (name is Sha256 or Sha512)
            {
                known++;
                isGood &= CryptographicOperations.FixedTimeEquals(digest, name == Sha256 ? SHA256.HashData(body) : SHA512.HashData(body));
            }
        }

        return known == 0 ? ContentDigestResult.Missing : isGood ? ContentDigestResult.Good : ContentDigestResult.Bad;
    }

    /// <inheritdoc cref="Check(ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    public static ContentDigestResult Check(string field, ReadOnlySpan<byte> body) =>
        Ascii.IsValid(field) ? Check(Encoding.ASCII.GetBytes(field), body) : ContentDigestResult.Malformed;
}
