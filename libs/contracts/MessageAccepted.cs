namespace Mailkey.Contracts;

/// <summary>
/// A message that is ours: its content is on stable storage, and 250 follows the confirm of this one.
/// Durable, delivered at least once; a consumer is idempotent by <see cref="QueueId"/>.
/// </summary>
public sealed record MessageAccepted
{
    public required string QueueId { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }
    public required DateTimeOffset AcceptedAt { get; init; }
    public required ConnectionFacts Connection { get; init; }
    public required Envelope Envelope { get; init; }

    /// <summary>The message as received, with our trace fields (Received, Authentication-Results) already in front.</summary>
    public required ContentReference Content { get; init; }

    /// <summary>The Message-ID field's value with its angle brackets; null when the message has none.</summary>
    public string? MessageId { get; init; }

    /// <summary>Null for mail that the system itself made (delivery reports).</summary>
    public Verdict? Verdict { get; init; }
}
