namespace Mailkey.Tool.Journal;

/// <summary>A line of the journal's search table.</summary>
internal sealed record FoundMessage(
    string QueueId, DateTimeOffset ReceivedAt, DateTimeOffset LastAt, string State, string? MessageId, string? ReversePath, IReadOnlyList<string> Addresses);
