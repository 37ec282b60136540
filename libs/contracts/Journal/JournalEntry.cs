using System.Text.Json;

namespace Mailkey.Contracts.Journal;

/// <summary>One event in the life of a message, ready for its stream.</summary>
public sealed record JournalEntry
{
    /// <summary>Unique; the journal drops an entry it has already.</summary>
    public required Guid EventId { get; init; }

    /// <summary>The queue id: the stream.</summary>
    public required string QueueId { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Stable wire name of the event type, such as <c>recipient-delivered</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The event record, as JSON.</summary>
    public required JsonElement Data { get; init; }
}
