namespace Mailkey.Ledger;

/// <summary>An event to be stored.</summary>
/// <param name="Id">Unique over all streams: an id that is stored already is not stored again. Time-ordered ids (UUID version 7) are cheapest.</param>
/// <param name="StreamId">Name of the stream, <see cref="EventStoreLimits.StreamId"/> characters at most.</param>
/// <param name="Type">Stable wire name of the event type, <see cref="EventStoreLimits.Type"/> characters at most; never a CLR name.</param>
/// <param name="At">When it happened.</param>
/// <param name="Data">The event as JSON in UTF-8. U+0000 in it becomes U+FFFD: PostgreSQL cannot hold it.</param>
/// <param name="Headers">What is known about the event besides, such as who caused it: a JSON object in UTF-8; empty for none.</param>
public sealed record NewEvent(Guid Id, string StreamId, string Type, DateTimeOffset At, ReadOnlyMemory<byte> Data, ReadOnlyMemory<byte> Headers = default);
