using System.Text.Json;

namespace Mailkey.Contracts.Agreements;

/// <summary>One event of a ledger.</summary>
public sealed record LedgerEventCommitted
{
    /// <summary>Unique over all ledgers.</summary>
    public required Guid Id { get; init; }

    /// <summary>Such as <c>agreement-&lt;id&gt;</c> or <c>organization-&lt;domain&gt;</c>.</summary>
    public required string StreamId { get; init; }

    /// <summary>Place in the stream: 1 for the first, without gaps.</summary>
    public required long Version { get; init; }

    /// <summary>Place among all events of the ledger: later ones have larger positions, with gaps.</summary>
    public required long Position { get; init; }

    /// <summary>Stable name of the type, from its second shape on with <c>.v2</c>.</summary>
    public required string Type { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Who caused it, such as <c>user:alice@example.org</c>; null for events without headers.</summary>
    public string? Actor { get; init; }

    /// <summary>What it answers to: the id of a request or of another event.</summary>
    public string? Cause { get; init; }

    /// <summary>The event, as JSON.</summary>
    public required JsonElement Data { get; init; }
}
