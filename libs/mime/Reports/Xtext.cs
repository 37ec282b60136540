using System.Buffers;
using System.Globalization;
using System.Text;

namespace Mailkey.Mime.Reports;

/// <summary>The encodings in which SMTP parameters carry addresses and identifiers.</summary>
internal static class Xtext
{
    private static readonly SearchValues<char> UpperHex = SearchValues.Create("0123456789ABCDEF");

    /// <summary>RFC 3461 §4: xtext = *( xchar / hexchar ), hexchar = "+" and two upper case hexadecimal digits.</summary>
    public static bool TryDecode(ReadOnlySpan<char> xtext, out string text)
    {
        text = "";
        var octets = new ArrayBufferWriter<byte>(Math.Max(1, xtext.Length));
        for (var i = 0; i < xtext.Length; i++)
        {
            byte octet;
            if (xtext[i] == '+')
            {
                if (i + 2 >= xtext.Length || xtext.Slice(i + 1, 2).ContainsAnyExcept(UpperHex))
                {
                    return false;
                }

                octet = byte.Parse(xtext.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                i += 2;
            }
            else if (xtext[i] is > ' ' and <= '~' and not '=')
            {
                octet = (byte)xtext[i];
            }
            else
            {
                return false;
            }

            octets.GetSpan(1)[0] = octet;
            octets.Advance(1);
        }

        text = Encoding.UTF8.GetString(octets.WrittenSpan);
        return true;
    }

    /// <summary>RFC 6533 §3: EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}", all else stands for itself.</summary>
    public static bool TryDecodeUnicode(ReadOnlySpan<char> encoded, out string text)
    {
        text = "";
        var decoded = new StringBuilder(encoded.Length);
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] != '\\')
            {
                decoded.Append(encoded[i]);
                continue;
            }

            var rest = encoded[i..];
            var end = rest.IndexOf('}');
            if (end is < 5 or > 9 || !rest.StartsWith("\\x{", StringComparison.Ordinal) || rest[3..end].ContainsAnyExcept(UpperHex)
                || !Rune.TryCreate(int.Parse(rest[3..end], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), out var rune))
            {
                return false;
            }

            decoded.Append(rune.ToString());
            i += end;
        }

        text = decoded.ToString();
        return true;
    }

    /// <summary>utf-8-addr-xtext of RFC 6533 §3: an international address for a reader that may know only ASCII.</summary>
    public static string EncodeUnicode(string address)
    {
        var encoded = new StringBuilder(address.Length);
        foreach (var rune in address.EnumerateRunes())
        {
            if (rune.Value is > ' ' and <= '~' and not ('+' or '=' or '\\'))
            {
                encoded.Append((char)rune.Value);
            }
            else
            {
                encoded.Append(CultureInfo.InvariantCulture, $"\\x{{{rune.Value:X2}}}");
            }
        }

        return encoded.ToString();
    }
}
