namespace Mailkey.Contracts.Agreements;

/// <summary>
/// Events that were committed to a ledger, in the order in which they happened. They come at least once: whatever was published and not confirmed
/// is published again, with the same ids, and may then come after later ones. Who remembers the last version of a stream that it has seen
/// knows a repetition by it.
/// </summary>
public sealed record LedgerEventsCommitted
{
    /// <summary>Whose ledger: the schema of the service that owns it.</summary>
    public required string Ledger { get; init; }

    /// <summary>At least one.</summary>
    public required IReadOnlyList<LedgerEventCommitted> Events { get; init; }
}
