using System.Text;

namespace Mailkey.Smtp;

/// <summary>The arguments of BDAT (RFC 3030 §2).</summary>
/// <param name="Size">Octets of the chunk; <see cref="long.MaxValue"/> when there are at least so many.</param>
/// <param name="IsLast">Whether the chunk is the last one.</param>
public readonly record struct BdatArguments(long Size, bool IsLast)
{
    /// <summary>Reads what follows the verb.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out BdatArguments arguments, out ArgumentError error)
    {
        // bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] CR LF; chunk-size = 1*DIGIT; end-marker = "LAST"
        arguments = default;
        var position = 0;
        long size = 0;
        while (position < text.Length && text[position] is >= (byte)'0' and <= (byte)'9')
        {
            var digit = text[position++] - '0';
            size = size > (long.MaxValue - digit) / 10 ? long.MaxValue : (size * 10) + digit;
        }

        if (position == 0)
        {
            error = new(ArgumentFault.Syntax, 0, "chunk size expected");
            return false;
        }

        var rest = text[position..];
        var isLast = rest.Length > 0 && rest[0] == (byte)' ' && Ascii.EqualsIgnoreCase(rest.TrimStart((byte)' '), "LAST"u8);
        if (!isLast && !rest.IsEmpty)
        {
            error = new(ArgumentFault.Syntax, position, "LAST expected");
            return false;
        }

        error = default;
        arguments = new(size, isLast);
        return true;
    }
}
