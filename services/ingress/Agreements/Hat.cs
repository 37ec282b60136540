using Mailkey.Contracts.Agreements;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Agreements;

/// <summary>The agreement that one transaction uses, and how it was named. The next transaction may wear another one.</summary>
internal sealed record Hat(AgreementInForce Agreement, string Method)
{
    public const string Auth = "auth";
    public const string Reference = "reference";
    public const string Address = "address";

    /// <summary>Whether the agreement is for this recipient: the mailbox, or the address that stands for it.</summary>
    public bool IsFor(Mailbox recipient) => IsAddress(recipient) || (Method != Address && IsMailbox(recipient));

    /// <summary>Whether the recipient is the address made for the forwarder.</summary>
    public bool IsAddress(Mailbox recipient) => Agreement.Address is { } address && Is(recipient, address);

    private bool IsMailbox(Mailbox recipient) => Is(recipient, Agreement.Recipient);

    // The ledger keeps both in lower case and in the normal form of Unicode.
    private static bool Is(Mailbox recipient, string address)
    {
        var at = address.LastIndexOf('@');
        return recipient.AsciiDomain.AsSpan().SequenceEqual(address.AsSpan(at + 1))
            && string.Equals(recipient.LocalPart.Normalize(), address[..at], StringComparison.OrdinalIgnoreCase);
    }
}

/// <summary>A forwarder that has logged in. It may send mail under its agreements, and nothing else.</summary>
/// <param name="Credential">The name that it logged in with.</param>
/// <param name="AgreementId">The agreement that the credential was issued for: the hat of transactions that name none.</param>
internal sealed record ForwarderLogin(string Credential, string AgreementId, string Forwarder);
