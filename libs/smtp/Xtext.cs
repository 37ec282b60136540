using System.Text;

namespace Mailkey.Smtp;

/// <summary>The encoding of parameter values that have octets outside of a parameter's alphabet (RFC 3461 §4).</summary>
public static class Xtext
{
    /// <summary>Whether the text is xtext: printable ASCII without <c>=</c>, and <c>+</c> only before two upper case hex digits.</summary>
    public static bool IsValid(ReadOnlySpan<byte> text)
    {
        // xtext = *( xchar / hexchar ); xchar = %d33-126 without "+" and "="; hexchar = "+" 2(%x30-39 / %x41-46)
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is < 33 or > 126 or (byte)'=')
            {
                return false;
            }

            if (text[i] == (byte)'+')
            {
                if (i + 2 >= text.Length || HexValue(text[i + 1]) < 0 || HexValue(text[i + 2]) < 0)
                {
                    return false;
                }

                i += 2;
            }
        }

        return true;
    }

    /// <summary>The text that the xtext stands for, as UTF-8; null when it is not valid.</summary>
    public static string? Decode(string xtext)
    {
        var octets = Encoding.UTF8.GetBytes(xtext);
        if (!IsValid(octets))
        {
            return null;
        }

        var length = 0;
        for (var i = 0; i < octets.Length; i++)
        {
            octets[length++] = octets[i] != (byte)'+' ? octets[i] : (byte)((HexValue(octets[++i]) << 4) | HexValue(octets[++i]));
        }

        return Encoding.UTF8.GetString(octets, 0, length);
    }

    /// <summary>Encodes any text.</summary>
    public static string Encode(string text)
    {
        var xtext = new StringBuilder(text.Length);
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            if (octet is < 33 or > 126 or (byte)'+' or (byte)'=')
            {
                xtext.Append('+').Append(Convert.ToHexString([octet]));
            }
            else
            {
                xtext.Append((char)octet);
            }
        }

        return xtext.ToString();
    }

    private static int HexValue(byte digit) => digit switch
    {
        >= (byte)'0' and <= (byte)'9' => digit - '0',
        >= (byte)'A' and <= (byte)'F' => digit - 'A' + 10,
        _ => -1,
    };
}
