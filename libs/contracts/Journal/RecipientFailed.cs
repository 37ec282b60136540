namespace Mailkey.Contracts.Journal;

/// <summary>A recipient will never get the message.</summary>
[JournalEvent("recipient-failed")]
public sealed record RecipientFailed
{
    public required string ForwardPath { get; init; }
    public required string NextHop { get; init; }

    /// <summary>Enhanced status code.</summary>
    public required string Status { get; init; }
    public required string Reply { get; init; }
    public required int Attempt { get; init; }
}
