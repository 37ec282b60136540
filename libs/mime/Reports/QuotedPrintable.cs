using System.Buffers;

namespace Mailkey.Mime.Reports;

/// <summary>Content-Transfer-Encoding: quoted-printable (RFC 2045 §6.7), for octets that the path might not carry.</summary>
internal static class QuotedPrintable
{
    /// <summary>RFC 2045 §6.7 (5): no more than 76 characters in a line, a soft line break's "=" included.</summary>
    private const int LineLength = 76;

    private static ReadOnlySpan<byte> Hex => "0123456789ABCDEF"u8;

    /// <summary>Encodes lines; CRLF stays a line end, every other control octet is encoded.</summary>
    public static void Encode(ReadOnlySpan<byte> octets, IBufferWriter<byte> output)
    {
        var column = 0;
        for (var i = 0; i < octets.Length; i++)
        {
            var octet = octets[i];
            if (octet == '\r' && i + 1 < octets.Length && octets[i + 1] == '\n')
            {
                output.Write("\r\n"u8);
                column = 0;
                i++;
                continue;
            }

            // RFC 2045 §6.7 (3): white space at the end of a line would be lost on the way.
            var last = i + 1 == octets.Length || (octets[i + 1] == '\r' && i + 2 < octets.Length && octets[i + 2] == '\n');
            var literal = octet is > (byte)' ' and <= (byte)'~' and not (byte)'=' || (octet is (byte)' ' or (byte)'\t' && !last);
            var width = literal ? 1 : 3;
            if (column + width > LineLength - (last ? 0 : 1))
            {
                output.Write("=\r\n"u8);
                column = 0;
            }

            if (literal)
            {
                output.GetSpan(1)[0] = octet;
                output.Advance(1);
            }
            else
            {
                output.Write([(byte)'=', Hex[octet >> 4], Hex[octet & 15]]);
            }

            column += width;
        }
    }
}
