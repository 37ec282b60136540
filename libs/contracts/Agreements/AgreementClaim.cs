namespace Mailkey.Contracts.Agreements;

/// <summary>Which agreement an SMTP session says that a transaction uses, and what of it the session has proven.</summary>
public sealed record AgreementClaim
{
    public required string AgreementId { get; init; }

    /// <summary><c>auth</c>, <c>reference</c> or <c>address</c>.</summary>
    public required string Method { get; init; }

    /// <summary>The forwarder that has logged in; null where it is still to be authenticated by its domain.</summary>
    public string? AuthenticatedForwarder { get; init; }

    /// <summary>The name that it logged in with; null without a login.</summary>
    public string? Credential { get; init; }

    /// <summary>The mailbox behind the one recipient, which is an address made for one forwarder; null when it is the mailbox itself.</summary>
    public string? DeliverTo { get; init; }
}
