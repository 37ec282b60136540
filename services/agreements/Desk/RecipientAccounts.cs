using Mailkey.Hosting.Options;
using Mailkey.Smtp;
using Microsoft.Extensions.Options;
using DomainName = Mailkey.Dns.DomainName;

namespace Mailkey.Agreements.Desk;

/// <summary>Whose mail the mail to an address is.</summary>
public interface IRecipientAccounts
{
    /// <summary>The account, as <c>user@domain</c> in lower case; null when no such recipient is known here.</summary>
    string? AccountOf(string recipient);
}

/// <summary>Accounts of the hosted domains: the address without its subaddress.</summary>
public sealed class HostedRecipientAccounts : IRecipientAccounts
{
    private const string Any = "*";

    private readonly Dictionary<string, HashSet<string>?> _domains = new(StringComparer.Ordinal);

    public HostedRecipientAccounts(IOptions<MailkeyOptions> options)
    {
        foreach (var domain in options.Value.Domains)
        {
            if (DomainName.TryNormalize(domain.Name, out var name))
            {
                _domains[name] = domain.Recipients is [] || domain.Recipients.Contains(Any) ? null : new(domain.Recipients, StringComparer.OrdinalIgnoreCase);
            }
        }
    }

    public string? AccountOf(string recipient)
    {
        // user%far@here and its like would be a route, and no mailbox of ours.
        if (!Mailbox.TryParse(recipient, out var mailbox, out _) || mailbox!.IsAddressLiteral || mailbox.HasQuotedLocalPart
            || mailbox.LocalPart.AsSpan().ContainsAny('%', '@', '!') || !_domains.TryGetValue(mailbox.AsciiDomain.ToLowerInvariant(), out var localParts))
        {
            return null;
        }

        // RFC 5233 §1: user+detail is a mailbox of user.
        var local = mailbox.LocalPart.IndexOf('+', StringComparison.Ordinal) is var plus and > 0 ? mailbox.LocalPart[..plus] : mailbox.LocalPart;
        return localParts is null || localParts.Contains(local) || localParts.Contains(mailbox.LocalPart)
            ? $"{local.Normalize().ToLowerInvariant()}@{mailbox.AsciiDomain.ToLowerInvariant()}"
            : null;
    }
}
