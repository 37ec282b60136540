namespace Mailkey.Contracts.Journal;

/// <summary>An attempt failed for now.</summary>
[JournalEvent("recipient-deferred")]
public sealed record RecipientDeferred
{
    public required string ForwardPath { get; init; }
    public required string NextHop { get; init; }
    public required string Reply { get; init; }
    public required int Attempt { get; init; }
    public required DateTimeOffset NextAttempt { get; init; }
}
