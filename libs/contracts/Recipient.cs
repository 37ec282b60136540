namespace Mailkey.Contracts;

/// <summary>One accepted forward-path.</summary>
public sealed record Recipient
{
    /// <summary>The forward-path without its brackets and without a source route.</summary>
    public required string ForwardPath { get; init; }

    /// <summary>NOTIFY= of RCPT (RFC 3461 §4.1), upper case as in NEVER or SUCCESS,FAILURE; null when not given.</summary>
    public string? Notify { get; init; }

    /// <summary>ORCPT= of RCPT (RFC 3461 §4.2), still <c>addr-type;xtext</c>; null when not given.</summary>
    public string? OriginalRecipient { get; init; }
}
