using Mailkey.Agreements.Accounts;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Smtp;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Desk;

/// <summary>Whose mail the mail to an address is.</summary>
public interface IRecipientAccounts
{
    /// <summary>The account, as <c>user@domain</c> in lower case; null when no such recipient is known here.</summary>
    string? AccountOf(string recipient);
}

/// <summary>Accounts of the hosted domains, as far as the configuration lists who is there.</summary>
public sealed class HostedRecipientAccounts : IRecipientAccounts
{
    private const string Any = "*";

    private readonly IAccounts _accounts;
    private readonly Dictionary<string, HashSet<string>?> _domains = new(StringComparer.Ordinal);

    public HostedRecipientAccounts(IAccounts accounts, IOptions<MailkeyOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _accounts = accounts;
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
            || mailbox.LocalPart.AsSpan().ContainsAny('%', '@', '!') || !_domains.TryGetValue(mailbox.AsciiDomain.ToLowerInvariant(), out var localParts)
            || _accounts.AccountOf(recipient) is not { } account)
        {
            return null;
        }

        return localParts is null || localParts.Contains(mailbox.LocalPart) || localParts.Contains(account[..account.LastIndexOf('@')]) ? account : null;
    }
}
