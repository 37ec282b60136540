using Mailkey.Contracts.Agreements;

namespace Mailkey.Contracts;

/// <summary>What MAIL FROM and RCPT TO said (RFC 5321 §2.3.1), kept as the client sent it.</summary>
public sealed record Envelope
{
    /// <summary>The reverse-path without its brackets; empty for <c>&lt;&gt;</c>. UTF-8 where SMTPUTF8 was asked for.</summary>
    public required string ReversePath { get; init; }

    /// <summary>The forward-paths that were accepted, in order; those refused where a refused transaction had no other.</summary>
    public required IReadOnlyList<Recipient> Recipients { get; init; }

    /// <summary>BODY= of MAIL (RFC 6152, RFC 3030): 7BIT, 8BITMIME or BINARYMIME; null when not given.</summary>
    public string? Body { get; init; }

    /// <summary>Whether MAIL carried SMTPUTF8 (RFC 6531).</summary>
    public bool SmtpUtf8 { get; init; }

    /// <summary>RET= of MAIL (RFC 3461 §4.3): FULL or HDRS; null when not given.</summary>
    public string? Return { get; init; }

    /// <summary>ENVID= of MAIL (RFC 3461 §4.4), still xtext; null when not given.</summary>
    public string? EnvelopeId { get; init; }

    /// <summary>The forwarding agreement that the transaction uses; null for ordinary mail.</summary>
    public AgreementClaim? Agreement { get; init; }

    /// <summary>The policy rule by which an accepted message is delivered apart from the others; null for ordinary mail.</summary>
    public string? Quarantine { get; init; }
}
