namespace Mailkey.Contracts;

/// <summary>The answer of one DNS blocklist or allowlist (RFC 5782) about the client.</summary>
public sealed record BlocklistEvidence
{
    public required string Zone { get; init; }

    /// <summary><c>block</c> when a listed client is bad, <c>allow</c> when it is good.</summary>
    public string Kind { get; init; } = "block";

    /// <summary><c>listed</c>, <c>clear</c>, <c>unknown</c> when it did not answer in time or its answer means nothing, or
    /// <c>skipped</c> by a forwarding agreement.</summary>
    public required string Result { get; init; }

    /// <summary>The addresses that the zone answered, such as <c>127.0.0.2</c>; empty when not listed.</summary>
    public IReadOnlyList<string> Codes { get; init; } = [];

    /// <summary>One ASCII line: the zone's own text when listed, or why the result is unknown; null without one.</summary>
    public string? Reason { get; init; }
}
