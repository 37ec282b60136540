namespace Mailkey.Ledger.Events;

/// <summary>A stored event, decoded.</summary>
/// <param name="Value">The event; null when a newer program wrote a type that this one does not know.</param>
public sealed record LedgerEvent(StoredEvent Stored, object? Value);
