namespace Mailkey.Contracts.Journal;

/// <summary>A recipient has got the message.</summary>
[JournalEvent("recipient-delivered")]
public sealed record RecipientDelivered
{
    public required string ForwardPath { get; init; }

    /// <summary><c>maildir</c>, <c>lmtp://host:port</c> or <c>smtp://host:port</c>.</summary>
    public required string NextHop { get; init; }

    /// <summary>The reply of the next hop; the file name for a maildir.</summary>
    public required string Reply { get; init; }

    /// <summary>1 for the first.</summary>
    public required int Attempt { get; init; }
}
