namespace Mailkey.Ledger.Events;

/// <summary>A stream that was read: what its events add up to, and what the next one is bound to.</summary>
/// <param name="Version">Version of the last event; 0 when there is none.</param>
/// <param name="Hash">Hash of the last event (see <see cref="Chain.EventChain"/>).</param>
public sealed record Stream<TState>(string Id, long Version, ReadOnlyMemory<byte> Hash, TState State);
