namespace Mailkey.Ledger;

/// <summary>An event as it was stored.</summary>
/// <param name="Position">Its place among all events; later ones have larger positions, with gaps.</param>
/// <param name="Version">Its place in the stream: 1 for the first, without gaps.</param>
/// <param name="Data">The event as JSON in UTF-8; the order of properties may have changed.</param>
/// <param name="Headers">As it was appended, the same way; empty for none.</param>
public sealed record StoredEvent(
    long Position, Guid Id, string StreamId, long Version, string Type, DateTimeOffset At, ReadOnlyMemory<byte> Data, ReadOnlyMemory<byte> Headers = default);
