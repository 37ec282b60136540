using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mailkey.Networks;

namespace Mailkey.Mime;

/// <summary>The trace field that a server adds on top of each message it takes (RFC 5321 §4.4).</summary>
public sealed record ReceivedField
{
    /// <summary>What the client called itself in EHLO. Any text: what RFC 5321 does not allow in a name is written as <c>?</c>.</summary>
    public required string ClientName { get; init; }

    /// <summary>Address that the connection came from; null for a message made here.</summary>
    public IPAddress? ClientAddress { get; init; }

    /// <summary>Name of this host.</summary>
    public required string By { get; init; }

    /// <summary>SMTP, ESMTP, ESMTPS, UTF8SMTPS, LMTP and the like (RFC 3848, RFC 6531 §4.3); see <see cref="TransmissionType"/>.</summary>
    public required string With { get; init; }

    /// <summary>Version and cipher of TLS as a comment; null without TLS.</summary>
    public string? Tls { get; init; }

    /// <summary>The queue id.</summary>
    public required string Id { get; init; }

    /// <summary>
    /// The forward-path, only where the transaction had exactly one: naming more would tell each recipient of the
    /// others, blind copies included (RFC 5321 §7.2, §7.6). Null otherwise.
    /// </summary>
    public string? For { get; init; }

    public required DateTimeOffset Date { get; init; }

    /// <summary>The keyword of the with clause (RFC 3848; RFC 6531 §4.3 for SMTPUTF8).</summary>
    public static string TransmissionType(bool extended, bool tls, bool authenticated, bool utf8) => (extended || utf8, utf8) switch
    {
        (false, _) => "SMTP",
        (_, true) => (tls, authenticated) switch
        {
            (true, true) => "UTF8SMTPSA",
            (true, false) => "UTF8SMTPS",
            (false, true) => "UTF8SMTPA",
            _ => "UTF8SMTP",
        },
        _ => (tls, authenticated) switch
        {
            (true, true) => "ESMTPSA",
            (true, false) => "ESMTPS",
            (false, true) => "ESMTPA",
            _ => "ESMTP",
        },
    };

    /// <summary>Writes the field, folded, with its CRLF.</summary>
    public void WriteTo(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var text = new StringBuilder(256);
        text.Append("Received: from ").Append(DomainOrLiteral(ClientName));
        if (ClientAddress is not null)
        {
            text.Append(" (").Append(AddressLiteral(ClientAddress)).Append(')');
        }

        text.Append("\r\n\tby ").Append(DomainOrLiteral(By)).Append(" with ").Append(Word(With));
        if (Tls is not null)
        {
            text.Append("\r\n\t(").Append(Comment(Tls)).Append(')');
        }

        text.Append("\r\n\tid ").Append(Word(Id));
        if (For is { Length: > 0 })
        {
            text.Append("\r\n\tfor <").Append(Path(For)).Append('>');
        }

        text.Append(";\r\n\t").Append(MailDate.Format(Date)).Append("\r\n");
        Encoding.UTF8.GetBytes(text.ToString(), output);
    }

    // address-literal of RFC 5321 §4.1.3
    private static string AddressLiteral(IPAddress address)
    {
        address = address.Unmapped();

        // Without the scope: %eth0 is no part of an IPv6-addr.
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? $"[IPv6:{new IPAddress(address.GetAddressBytes())}]"
            : $"[{address}]";
    }

    private static string DomainOrLiteral(string name) => name.Length == 0
        ? "unknown"
        : Clean(name, 255, static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '[' or ']' or ':' || (c >= 0x80 && !char.IsControl(c)));

    private static string Word(string word) => Clean(word, 255, static c => c is > ' ' and < (char)0x7f and not ('(' or ')' or '<' or '>' or ';' or '"' or '\\' or ','));

    private static string Comment(string comment) => Clean(comment, 255, static c => c is >= ' ' and < (char)0x7f and not ('(' or ')' or '\\'));

    private static string Path(string path) => Clean(path, 1000, static c => !char.IsControl(c) && c is not ('<' or '>'));

    private static string Clean(string text, int limit, Func<char, bool> allowed) =>
        string.Create(Math.Min(text.Length, limit), (text, allowed), static (span, state) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = state.allowed(state.text[i]) ? state.text[i] : '?';
            }
        });
}

/// <summary>The date-time of RFC 5322 §3.3.</summary>
public static class MailDate
{
    /// <summary>Such as <c>Sun, 22 Nov 2026 02:43:32 +0000</c>.</summary>
    public static string Format(DateTimeOffset date)
    {
        var zone = date.Offset;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{date:ddd, dd MMM yyyy HH:mm:ss} {(zone < TimeSpan.Zero ? '-' : '+')}{Math.Abs(zone.Hours):00}{Math.Abs(zone.Minutes):00}");
    }
}
