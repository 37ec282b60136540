using System.Text;

namespace Mailkey.Mime;

/// <summary>The List-Id field (RFC 2919).</summary>
public static class ListId
{
    /// <summary>Octets of a list identifier (RFC 2919 §3).</summary>
    public const int MaxLength = 255;

    /// <summary>Reads the value of the field.</summary>
    /// <param name="id">What stands between the angle brackets, in lower case: identifiers compare without regard to case (RFC 2919 §6).</param>
    public static bool TryParse(ReadOnlySpan<byte> value, out string id)
    {
        // list-id-header = "List-ID:" [phrase] "<" list-id ">" CRLF; the phrase may hold anything in quotes, so the last bracket counts
        id = "";
        var open = value.LastIndexOf((byte)'<');
        var length = open < 0 ? -1 : value[(open + 1)..].IndexOf((byte)'>');
        if (length is < 1 or > MaxLength || value.Slice(open + 1, length).ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return false;
        }

        id = Encoding.ASCII.GetString(value.Slice(open + 1, length)).ToLowerInvariant();
        return true;
    }
}
