using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Mailkey.Delivery.Routing;

/// <summary>How a next hop takes mail.</summary>
internal enum NextHopKind
{
    /// <summary>A maildir on this host.</summary>
    Maildir,

    /// <summary>The mailbox host, by LMTP (RFC 2033).</summary>
    Lmtp,

    /// <summary>A host that is named in the configuration.</summary>
    Smtp,

    /// <summary>The mail exchangers of a domain (RFC 5321 §5.1).</summary>
    MailExchangers,
}

/// <summary>Where the mail of a domain goes.</summary>
/// <param name="Kind">How.</param>
/// <param name="Host">Host name or address without brackets; the domain for mail exchangers; empty for a maildir.</param>
/// <param name="Port">0 for a maildir and for mail exchangers.</param>
internal sealed record NextHop(NextHopKind Kind, string Host, int Port)
{
    public static NextHop Maildir { get; } = new(NextHopKind.Maildir, "", 0);

    public static NextHop MailExchangers(string domain) => new(NextHopKind.MailExchangers, domain, 0);

    /// <summary>Reads <c>maildir</c>, <c>lmtp://host:port</c> or <c>smtp://host:port</c>.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out NextHop? nextHop)
    {
        nextHop = null;
        if (string.Equals(text, "maildir", StringComparison.OrdinalIgnoreCase))
        {
            nextHop = Maildir;
            return true;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri)
            || uri is not { Scheme: "lmtp" or "smtp", AbsolutePath: "/" or "", UserInfo: "", Query: "", Fragment: "", Host.Length: > 0 })
        {
            return false;
        }

        // RFC 2033 §5: LMTP is not for port 25, so it has no default.
        var isLmtp = uri.Scheme == "lmtp";
        var port = uri.Port > 0 ? uri.Port : isLmtp ? 0 : 25;
        if (port == 0 || (isLmtp && port == 25))
        {
            return false;
        }

        nextHop = new(isLmtp ? NextHopKind.Lmtp : NextHopKind.Smtp, uri.Host.Trim('[', ']'), port);
        return true;
    }

    /// <summary>As in the configuration; the domain for mail exchangers.</summary>
    public override string ToString() => Kind switch
    {
        NextHopKind.Maildir => "maildir",
        NextHopKind.MailExchangers => Host,
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"{(Kind == NextHopKind.Lmtp ? "lmtp" : "smtp")}://{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}"),
    };
}
