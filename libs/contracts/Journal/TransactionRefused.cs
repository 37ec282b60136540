namespace Mailkey.Contracts.Journal;

/// <summary>A transaction that ended without a message of ours: 4yz or 5yz before or after the content.</summary>
[JournalEvent("transaction-refused")]
public sealed record TransactionRefused
{
    public required ConnectionFacts Connection { get; init; }
    public required Envelope Envelope { get; init; }

    /// <summary>The reply that ended it.</summary>
    public required ReplyText Reply { get; init; }

    /// <summary>Octets received; 0 when refused before the content.</summary>
    public required long Size { get; init; }

    public string? MessageId { get; init; }

    /// <summary>When the content began; null when there was none, and in the events of older versions.</summary>
    public DateTimeOffset? ReceivedAt { get; init; }

    /// <summary>Null when no verifier was asked.</summary>
    public Verdict? Verdict { get; init; }
}
