namespace Mailkey.Contracts;

/// <summary>What SPF (RFC 7208) says about the client and the envelope sender.</summary>
public sealed record SpfEvidence
{
    /// <summary>RFC 8601 result word: pass, fail, softfail, neutral, none, temperror, permerror.</summary>
    public required string Result { get; init; }

    /// <summary><c>mailfrom</c>, or <c>helo</c> when the reverse-path is null (RFC 7208 §2.4).</summary>
    public required string Identity { get; init; }

    /// <summary>The domain that was asked; empty when the identity has none.</summary>
    public required string Domain { get; init; }

    /// <summary>The directive that matched, such as <c>ip4:192.0.2.0/24</c>; null when none did.</summary>
    public string? Mechanism { get; init; }

    /// <summary>One ASCII line for a person: the domain's own explanation (RFC 7208 §6.2) or what went wrong; null for none.</summary>
    public string? Reason { get; init; }
}
