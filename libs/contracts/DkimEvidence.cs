namespace Mailkey.Contracts;

/// <summary>What one DKIM-Signature (RFC 6376) is worth.</summary>
public sealed record DkimEvidence
{
    /// <summary>RFC 8601 result word: pass, fail, policy, neutral, temperror, permerror.</summary>
    public required string Result { get; init; }

    /// <summary>d= as lower-case A-labels; empty when unreadable.</summary>
    public required string Domain { get; init; }

    /// <summary>s=; empty when unreadable.</summary>
    public required string Selector { get; init; }

    /// <summary>a=, such as <c>rsa-sha256</c>; null when unreadable.</summary>
    public string? Algorithm { get; init; }

    /// <summary>One ASCII line for a person: why it is no pass; null for a pass.</summary>
    public string? Reason { get; init; }
}
