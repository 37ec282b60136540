using System.Diagnostics.CodeAnalysis;
using Mailkey.Agreements.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Smtp;

namespace Mailkey.Agreements.Accounts;

/// <summary>What names mean which account.</summary>
/// <param name="options">Which domains are hosted, and what separates a user from a detail.</param>
public sealed class AccountNames(MailkeyOptions options)
{
    private readonly HashSet<string> _domains = new(options.Domains.Select(domain => DomainName.TryNormalize(domain.Name, out var name) ? name : domain.Name), StringComparer.Ordinal);
    private readonly string _delimiter = options.Agreements.Accounts.SubaddressDelimiter;

    /// <summary>The one form of an account's address: lower case, its domain in the normal form.</summary>
    public static bool TryNormalize(string? text, [NotNullWhen(true)] out string? address)
    {
        var isAddress = Mailbox.TryParse(text ?? "", out var mailbox, out _) && !mailbox!.IsAddressLiteral && !mailbox.HasQuotedLocalPart;
        address = isAddress ? $"{mailbox!.LocalPart.Normalize().ToLowerInvariant()}@{mailbox.AsciiDomain}" : null;
        return isAddress;
    }

    /// <summary>What somebody who signs in means: an address, or a local part where there is only one domain that it can be of.</summary>
    public bool TryRead(string name, [NotNullWhen(true)] out string? address)
    {
        var text = name.Trim();
        return TryNormalize(text.Contains('@', StringComparison.Ordinal) || _domains.Count != 1 ? text : $"{text}@{_domains.First()}", out address);
    }

    /// <inheritdoc cref="IAccounts.AccountOf"/>
    public string? AccountOf(string recipient)
    {
        if (UniqueAddress.TryParse(recipient, out var unique))
        {
            recipient = $"{unique.User}@{unique.Domain}";
        }

        if (!TryNormalize(recipient, out var address))
        {
            return null;
        }

        // A detail follows a user (RFC 5233 §4): a delimiter at the beginning separates nothing.
        var at = address.LastIndexOf('@');
        var detail = _delimiter.Length == 0 ? -1 : address.IndexOf(_delimiter, 0, at, StringComparison.Ordinal);
        return !_domains.Contains(address[(at + 1)..]) ? null : detail > 0 ? address.Remove(detail, at - detail) : address;
    }
}
