using Mailkey.Hosting.Options;
using Mailkey.Smtp;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Routing;

/// <summary>Finds the next hop of a recipient: that of its hosted domain, else the domain's mail exchangers.</summary>
internal sealed class Router
{
    private readonly Dictionary<string, NextHop> _hosted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _lists = new(StringComparer.Ordinal);
    private readonly NextHop _default;
    private readonly string _postmasterDomain;

    public Router(IOptions<MailkeyOptions> options)
    {
        var mailkey = options.Value;
        _default = Parse(mailkey.NextHop, "Mailkey:NextHop");
        for (var i = 0; i < mailkey.Domains.Count; i++)
        {
            var domain = mailkey.Domains[i];
            if (!SmtpDomain.TryParse(domain.Name, out var ascii, out var error))
            {
                throw new FormatException($"Mailkey:Domains:{i}:Name: {error}");
            }

            if (domain.Recipients.Count > 0 && !domain.Recipients.Contains("*", StringComparer.Ordinal))
            {
                _lists[ascii] = new(domain.Recipients, StringComparer.OrdinalIgnoreCase);
            }

            _hosted[ascii] = string.IsNullOrEmpty(domain.NextHop) ? _default : Parse(domain.NextHop, $"Mailkey:Domains:{i}:NextHop");
        }

        _postmasterDomain = _hosted.Count > 0 && SmtpDomain.TryParse(mailkey.Domains[0].Name, out var first, out _) ? first : mailkey.Hostname.ToLowerInvariant();
    }

    /// <summary>Where mail for a forward-path goes; null when it is none.</summary>
    public NextHop? Find(string forwardPath) => Locate(forwardPath, out _);

    /// <summary>Where mail for a forward-path goes, and whose it is; null when it is none.</summary>
    public NextHop? Locate(string forwardPath, out MailboxName mailbox)
    {
        mailbox = default;
        if (!ForwardPath.TryParse(forwardPath, out var path, out _))
        {
            return null;
        }

        // RFC 5321 §4.5.1: the postmaster without a domain is that of this host.
        mailbox = path.Mailbox is { } box ? new(MailboxOf(box), box.AsciiDomain) : new("postmaster", _postmasterDomain);
        return _hosted.TryGetValue(mailbox.Domain, out var hosted) ? hosted
            : path.IsPostmaster ? _default
            : NextHop.MailExchangers(mailbox.Domain);
    }

    // RFC 5233 §1: user+detail was taken because user is on the list, so that is whose mail it is. Without a list nobody knows
    // which of the two is a mailbox.
    private string MailboxOf(Mailbox box) =>
        _lists.TryGetValue(box.AsciiDomain, out var list) && !list.Contains(box.LocalPart)
            && box.LocalPart.IndexOf('+', StringComparison.Ordinal) is var plus and > 0 && list.Contains(box.LocalPart[..plus])
            ? box.LocalPart[..plus]
            : box.LocalPart;

    private static NextHop Parse(string text, string key) =>
        NextHop.TryParse(text, out var nextHop) ? nextHop : throw new FormatException($"{key}: \"{text}\" is neither maildir nor lmtp://host:port nor smtp://host:port.");
}

/// <summary>A local part without quotes, and a domain as lower case A-labels.</summary>
internal readonly record struct MailboxName(string LocalPart, string Domain);
