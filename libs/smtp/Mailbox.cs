using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mailkey.Smtp;

/// <summary>A mailbox: local part, at sign, domain or address literal (RFC 5321 §4.1.2, RFC 6531 §3.3).</summary>
public sealed class Mailbox
{
    /// <summary>Octets of a local part (RFC 5321 §4.5.3.1.1).</summary>
    public const int MaxLocalPartLength = 64;

    /// <summary>Octets of a mailbox: a path of RFC 5321 §4.5.3.1.3 without its brackets.</summary>
    public const int MaxLength = 254;

    private Mailbox(string text, string localPart, string domain, string asciiDomain, bool isQuoted)
    {
        Text = text;
        LocalPart = localPart;
        Domain = domain;
        AsciiDomain = asciiDomain;
        HasQuotedLocalPart = isQuoted;
    }

    /// <summary>The mailbox as it was written.</summary>
    public string Text { get; }

    /// <summary>The local part that is meant: without the quotes and backslashes of a quoted string.</summary>
    public string LocalPart { get; }

    /// <summary>The domain as it was written, or the address literal with its brackets.</summary>
    public string Domain { get; }

    /// <summary>The domain for comparison and DNS: lower case, A-labels. An address literal in lower case.</summary>
    public string AsciiDomain { get; }

    /// <summary>Whether the local part was written as a quoted string.</summary>
    public bool HasQuotedLocalPart { get; }

    public bool IsAddressLiteral => Domain[0] == '[';

    /// <summary>Whether the mailbox can only be named with SMTPUTF8.</summary>
    public bool IsInternationalized => !Ascii.IsValid(Text);

    /// <summary>The address of an IPv4 or IPv6 address literal; null for anything else.</summary>
    public IPAddress? LiteralAddress => !IsAddressLiteral ? null
        : IPAddress.TryParse(AsciiDomain.StartsWith("[ipv6:", StringComparison.Ordinal) ? AsciiDomain[6..^1] : AsciiDomain[1..^1], out var address) ? address
        : null;

    /// <summary>Reads a mailbox that the whole text consists of.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out Mailbox? mailbox, out SyntaxError error)
    {
        var position = 0;
        if (!TryRead(text, ref position, out mailbox, out error))
        {
            return false;
        }

        if (position == text.Length)
        {
            return true;
        }

        mailbox = null;
        error = new(position, "end of address expected");
        return false;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out Mailbox, out SyntaxError)"/>
    public static bool TryParse(string text, out Mailbox? mailbox, out SyntaxError error) =>
        TryParse(Encoding.UTF8.GetBytes(text), out mailbox, out error);

    public override string ToString() => Text;

    // Mailbox = Local-part "@" ( Domain / address-literal )
    internal static bool TryRead(ReadOnlySpan<byte> text, ref int position, out Mailbox? mailbox, out SyntaxError error)
    {
        mailbox = null;
        var start = position;
        var isQuoted = position < text.Length && text[position] == (byte)'"';
        if (!(isQuoted ? TrySkipQuotedString(text, ref position, out error) : TrySkipDotString(text, ref position, out error)))
        {
            return false;
        }

        var local = text[start..position];
        if (local.Length > MaxLocalPartLength)
        {
            error = new(start, "local part longer than 64 octets");
            return false;
        }

        if (!Utf8Text.IsAcceptable(local))
        {
            error = new(start, "local part is not acceptable UTF-8");
            return false;
        }

        if (position == text.Length || text[position] != (byte)'@')
        {
            error = new(position, "@ expected");
            return false;
        }

        var domainStart = ++position;
        string asciiDomain;
        if (position < text.Length && text[position] == (byte)'[')
        {
            if (!TrySkipAddressLiteral(text, ref position, out error))
            {
                return false;
            }

            asciiDomain = Encoding.ASCII.GetString(text[domainStart..position]).ToLowerInvariant();
        }
        else
        {
            while (position < text.Length && IsDomainOctet(text[position]))
            {
                position++;
            }

            if (!SmtpDomain.TryParse(text[domainStart..position], out asciiDomain, out error))
            {
                error = error with { Position = domainStart + error.Position };
                return false;
            }
        }

        if (position - start > MaxLength)
        {
            error = new(start, "address longer than 254 octets");
            return false;
        }

        var whole = Encoding.UTF8.GetString(text[start..position]);
        var localPart = Encoding.UTF8.GetString(local);
        mailbox = new Mailbox(
            whole,
            isQuoted ? Unquote(localPart) : localPart,
            whole[(localPart.Length + 1)..],
            asciiDomain,
            isQuoted);
        return true;
    }

    // Dot-string = Atom *("." Atom)
    private static bool TrySkipDotString(ReadOnlySpan<byte> text, ref int position, out SyntaxError error)
    {
        while (true)
        {
            var atom = position;
            while (position < text.Length && (IsAtext(text[position]) || text[position] >= 0x80))
            {
                position++;
            }

            if (position == atom)
            {
                error = new(position, "local part expected");
                return false;
            }

            if (position == text.Length || text[position] != (byte)'.')
            {
                error = default;
                return true;
            }

            position++;
        }
    }

    // Quoted-string = DQUOTE *QcontentSMTP DQUOTE; QcontentSMTP = qtextSMTP / quoted-pairSMTP
    private static bool TrySkipQuotedString(ReadOnlySpan<byte> text, ref int position, out SyntaxError error)
    {
        for (position++; position < text.Length; position++)
        {
            var octet = text[position];
            if (octet == (byte)'"')
            {
                position++;
                error = default;
                return true;
            }

            if (octet == (byte)'\\')
            {
                position++;
                octet = position < text.Length ? text[position] : (byte)0;
                if (octet is < 32 or > 126)
                {
                    break;
                }
            }

            if (octet is < 32 or 127)
            {
                break;
            }
        }

        error = new(position, "closing quote expected");
        return false;
    }

    // address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"
    private static bool TrySkipAddressLiteral(ReadOnlySpan<byte> text, ref int position, out SyntaxError error)
    {
        error = new(position, "address literal expected");
        var length = text[position..].IndexOf((byte)']');
        if (length < 2 || length > SmtpDomain.MaxLength)
        {
            return false;
        }

        var content = text.Slice(position + 1, length - 1);
        var colon = content.IndexOf((byte)':');
        var isValid = colon < 0 ? IsIPv4(content)
            : Ascii.EqualsIgnoreCase(content[..colon], "IPv6"u8) ? IsIPv6(content[(colon + 1)..])
            : IsTaggedLiteral(content[..colon], content[(colon + 1)..]);
        position += length + 1;
        return isValid;
    }

    // Snum 3("." Snum); Snum = 1*3DIGIT representing 0 to 255
    private static bool IsIPv4(ReadOnlySpan<byte> text)
    {
        var numbers = 0;
        foreach (var range in text.Split((byte)'.'))
        {
            var digits = text[range];
            if (digits.Length is 0 or > 3 || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            {
                return false;
            }

            var value = 0;
            foreach (var digit in digits)
            {
                value = (value * 10) + (digit - '0');
            }

            if (value > 255)
            {
                return false;
            }

            numbers++;
        }

        return numbers == 4;
    }

    private static bool IsIPv6(ReadOnlySpan<byte> text)
    {
        foreach (var octet in text)
        {
            if (!char.IsAsciiHexDigit((char)octet) && octet is not ((byte)':' or (byte)'.'))
            {
                return false;
            }
        }

        return IPAddress.TryParse(Encoding.ASCII.GetString(text), out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;
    }

    // General-address-literal = Standardized-tag ":" 1*dcontent; Standardized-tag = Ldh-str; dcontent = %d33-90 / %d94-126
    private static bool IsTaggedLiteral(ReadOnlySpan<byte> tag, ReadOnlySpan<byte> content)
    {
        foreach (var octet in tag)
        {
            if (!char.IsAsciiLetterOrDigit((char)octet) && octet != (byte)'-')
            {
                return false;
            }
        }

        foreach (var octet in content)
        {
            if (octet is < 33 or > 126 or (>= 91 and <= 93))
            {
                return false;
            }
        }

        return tag.Length > 0 && tag[^1] != (byte)'-' && content.Length > 0;
    }

    private static string Unquote(string quoted)
    {
        if (!quoted.Contains('\\', StringComparison.Ordinal))
        {
            return quoted[1..^1];
        }

        var text = new StringBuilder(quoted.Length);
        for (var i = 1; i < quoted.Length - 1; i++)
        {
            if (quoted[i] == '\\')
            {
                i++;
            }

            text.Append(quoted[i]);
        }

        return text.ToString();
    }

    // Everything up to what ends a domain in a path; SmtpDomain then judges it.
    private static bool IsDomainOctet(byte octet) => octet >= 0x80 || octet is (byte)'-' or (byte)'.' or (byte)'_' || char.IsAsciiLetterOrDigit((char)octet);

    // atext of RFC 5322 §3.2.3
    private static bool IsAtext(byte octet) => char.IsAsciiLetterOrDigit((char)octet) || "!#$%&'*+-/=?^_`{|}~"u8.Contains(octet);
}
