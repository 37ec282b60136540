using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Desk;

/// <summary>
/// An agreement has the subscription of a recipient to itself: the stream is named after the key, so that two proposals at once become one
/// agreement. Again, with another agreement, when the one before has ended.
/// </summary>
[EventName("subscription-reserved")]
public sealed record SubscriptionReserved(string AgreementId);

/// <summary>Which agreement has the subscription.</summary>
/// <param name="AgreementId">Null before the first.</param>
public sealed record SubscriptionState(string? AgreementId)
{
    /// <summary>Before the first event.</summary>
    public static SubscriptionState None { get; } = new((string?)null);
}
