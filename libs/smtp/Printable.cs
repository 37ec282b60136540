using System.Globalization;
using System.Text;

namespace Mailkey.Smtp;

/// <summary>Text of a peer made fit for a log or a terminal.</summary>
public static class Printable
{
    /// <summary>Characters kept by default.</summary>
    public const int DefaultLength = 256;

    /// <summary>Printable ASCII stays, everything else becomes <c>\xHH</c> by octet; a long text is cut and ends in <c>…</c>.</summary>
    public static string Escape(ReadOnlySpan<byte> octets, int maxLength = DefaultLength)
    {
        var isCut = octets.Length > maxLength;
        if (isCut)
        {
            octets = octets[..maxLength];
        }

        if (!isCut && !octets.ContainsAnyExceptInRange((byte)' ', (byte)'~') && !octets.Contains((byte)'\\'))
        {
            return Encoding.ASCII.GetString(octets);
        }

        var text = new StringBuilder(octets.Length + 16);
        foreach (var octet in octets)
        {
            if (octet is >= (byte)' ' and <= (byte)'~' and not (byte)'\\')
            {
                text.Append((char)octet);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"\\x{octet:x2}");
            }
        }

        return isCut ? text.Append('…').ToString() : text.ToString();
    }

    /// <inheritdoc cref="Escape(ReadOnlySpan{byte}, int)"/>
    public static string Escape(string text, int maxLength = DefaultLength) =>
        text.Length <= maxLength && !text.AsSpan().ContainsAnyExceptInRange(' ', '~') && !text.Contains('\\', StringComparison.Ordinal)
            ? text
            : Escape(Encoding.UTF8.GetBytes(text), maxLength);
}
