using MassTransit;

namespace Mailkey.Delivery.Sagas.Deferral;

/// <summary>The end of an attempt whose saga is not there.</summary>
internal static class UnknownDeferral
{
    /// <summary>Tries of a message, as the saga's definition has them.</summary>
    public const int Retries = 5;

    /// <summary>
    /// The end of a first attempt may overtake the beginning of its saga, which another process is about to store: it
    /// comes again a little later. Anything else speaks of a deferral that is over.
    /// </summary>
    public static Task RetryFirstAsync(ConsumeContext<AttemptFinished> context) =>
        context.Message.Attempt == 1 && context.GetRetryAttempt() < Retries
            ? throw new UnknownDeferralException(context.Message.QueueId)
            : Task.CompletedTask;
}

/// <summary>The saga of an attempt is not stored yet.</summary>
public sealed class UnknownDeferralException(string queueId) : Exception($"{queueId} has no deferral yet.");
