namespace Mailkey.Contracts.Journal;

/// <summary>The message got its 250.</summary>
[JournalEvent("accepted-for-delivery")]
public sealed record AcceptedForDelivery
{
    public required ConnectionFacts Connection { get; init; }
    public required Envelope Envelope { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }
    public required long Size { get; init; }
    public string? MessageId { get; init; }
    public Verdict? Verdict { get; init; }
}
