using Mailkey.Contracts.Agreements;

namespace Mailkey.Contracts;

/// <summary>Why a message was accepted or refused: the evidence and the rule, as the journal keeps them.</summary>
public sealed record Verdict
{
    /// <summary>State of the mailkey host: <c>exists</c>, <c>absent</c>, <c>unknown</c>.</summary>
    public required string HostState { get; init; }

    /// <summary>RFC 8601 result word: pass, fail, neutral, none, temperror, permerror.</summary>
    public required string Result { get; init; }

    /// <summary>The domain that was judged: of the reverse-path, or of EHLO when the reverse-path is null.</summary>
    public required string Domain { get; init; }

    /// <summary>Where the key set was found: <c>txt</c>, <c>https</c>, <c>mx-txt</c>, <c>mx-https</c>; null when none was.</summary>
    public string? KeySource { get; init; }

    /// <summary>Name of the key that verified or failed; null when none was tried.</summary>
    public string? KeyName { get; init; }

    /// <summary><c>mailkey</c> or <c>dkim</c>: which field carried the signature; null without one.</summary>
    public string? SignatureKind { get; init; }

    /// <summary>One line that says what failed or why the state is what it is; no secrets, ASCII.</summary>
    public required string Reason { get; init; }

    /// <summary>
    /// What lets two readers see two different messages in the header block: a line that is no field, such as <c>From :</c>, a
    /// From, Sender, Date or Subject too many, no From. One ASCII line; null when nothing is.
    /// </summary>
    public string? HeaderProblem { get; init; }

    /// <summary>Null when SPF was not evaluated.</summary>
    public SpfEvidence? Spf { get; init; }

    /// <summary>One for each DKIM-Signature that was looked at, in the order of the header block.</summary>
    public IReadOnlyList<DkimEvidence> Dkim { get; init; } = [];

    /// <summary>One for each zone that was asked.</summary>
    public IReadOnlyList<BlocklistEvidence> Blocklists { get; init; } = [];

    /// <summary>The forwarding agreement that was named, and what it changed; null for ordinary mail.</summary>
    public AgreementEvidence? Agreement { get; init; }

    /// <summary>Octets of the message as it was judged, without our trace fields; null in the verdicts of older versions.</summary>
    public long? Size { get; init; }

    /// <summary>What was known about the sender domain; null when no policy rule asked, or nobody could answer.</summary>
    public SenderHistory? History { get; init; }

    /// <summary>What policy decided, one of <see cref="VerdictOutcome"/>; null in the verdicts of older versions.</summary>
    public string? Outcome { get; init; }

    /// <summary>Names of the policy rules that gave the message a header field; null for none.</summary>
    public IReadOnlyList<string>? Tags { get; init; }

    /// <summary>Name of the policy rule that decided.</summary>
    public required string Rule { get; init; }

    /// <summary>Which verifier process answered.</summary>
    public required string Verifier { get; init; }

    /// <summary>Microseconds from taking the message off the bus to the verdict.</summary>
    public required long ElapsedMicroseconds { get; init; }

    /// <summary>Whether the sender is authenticated: the envelope domain signed for this transaction with a published key.</summary>
    public bool Authenticated => string.Equals(Result, "pass", StringComparison.Ordinal);
}
