namespace Mailkey.Contracts.Journal;

/// <summary>Entries of many messages that share one bus message.</summary>
public sealed record JournalEntries
{
    public required IReadOnlyList<JournalEntry> Entries { get; init; }
}
