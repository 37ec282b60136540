namespace Mailkey.Contracts.Agreements;

/// <summary>Which agreement an SMTP session says that a transaction uses, and what of it the session has proven.</summary>
public sealed record AgreementClaim
{
    public required string AgreementId { get; init; }

    /// <summary><c>auth</c>, <c>reference</c> or <c>address</c>.</summary>
    public required string Method { get; init; }

    /// <summary>The forwarder that has logged in; null where it is still to be authenticated by its domain.</summary>
    public string? AuthenticatedForwarder { get; init; }
}
