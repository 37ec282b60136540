using System.Text;

namespace Mailkey.Smtp;

/// <summary>The argument of EHLO and HELO (RFC 5321 §4.1.1.1).</summary>
public static class ClientName
{
    /// <summary>
    /// Reads a host name or an address literal. RFC 5321 §4.1.4 forbids to refuse mail because of a name that is not true,
    /// so the form is judged mildly (underscores, a dot at the end); but what goes into the Received field has no blank,
    /// bracket, quote or comment.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out string name)
    {
        name = "";
        if (text.IsEmpty || text.Length > SmtpDomain.MaxLength)
        {
            return false;
        }

        var isLiteral = text.Length > 2 && text[0] == (byte)'[' && text[^1] == (byte)']';
        foreach (var octet in isLiteral ? text[1..^1] : text)
        {
            if (!char.IsAsciiLetterOrDigit((char)octet) && octet is not ((byte)'-' or (byte)'.' or (byte)'_') && !(isLiteral && octet == (byte)':'))
            {
                return false;
            }
        }

        name = Encoding.ASCII.GetString(text);
        return true;
    }
}
