using Mailkey.Contracts;
using Mailkey.Delivery.Outbound;

namespace Mailkey.Delivery.Sagas.Deferral;

/// <summary>The first attempt left recipients over. The content has an object of its own, which is the saga's from here on.</summary>
public sealed record MessageDeferred
{
    public required string QueueId { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }
    public required Envelope Envelope { get; init; }
    public required ContentReference Content { get; init; }
    public Verdict? Verdict { get; init; }

    /// <summary>The recipients that could not be served.</summary>
    public required IReadOnlyList<RecipientOutcome> Deferred { get; init; }

    /// <summary>Recipients that the first attempt still works on; <see cref="AttemptFinished"/> tells how that ends.</summary>
    public required IReadOnlyList<Recipient> UnderWay { get; init; }
}

/// <summary>Any delivery process is to try these recipients now.</summary>
public sealed record AttemptDelivery
{
    public required string QueueId { get; init; }

    /// <summary>2 for the second.</summary>
    public required int Attempt { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }
    public required Envelope Envelope { get; init; }
    public required ContentReference Content { get; init; }
    public required IReadOnlyList<Recipient> Recipients { get; init; }
}

/// <summary>An attempt has ended.</summary>
public sealed record AttemptFinished
{
    public required string QueueId { get; init; }
    public required int Attempt { get; init; }
    public required IReadOnlyList<RecipientOutcome> Outcomes { get; init; }
}

/// <summary>The next attempt is due.</summary>
public sealed record RetryDue(Guid DeferralId);

/// <summary>An attempt should have ended long ago: its process is gone.</summary>
public sealed record AttemptOverdue(Guid DeferralId);

/// <summary>The sender is to be told that the message waits.</summary>
public sealed record DelayWarningDue(Guid DeferralId);
