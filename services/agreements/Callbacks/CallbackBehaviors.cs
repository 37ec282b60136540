using Mailkey.Agreements.Negotiation;
using Mailkey.Agreements.Telemetry;
using Mailkey.Hosting.Options;
using Mailkey.Messaging;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Callbacks;

/// <summary>What the steps of the call-backs do.</summary>
public sealed class CallbackBehaviors(IOptions<MailkeyOptions> options, TimeProvider time, ILogger<CallbackBehaviors> logger)
{
    private static readonly Uri DeadLetters = new($"exchange:{DurableQueue.DeadLetters}");

    private readonly AgreementsCallbacksOptions _options = options.Value.Agreements.Callbacks;

    /// <summary>Later than any call can last; only the death of its process leaves one open. The time is that of our clock, not of the bus.</summary>
    public DateTime OverdueAt() => (time.GetUtcNow() + _options.Timeout * (CallbackCalls.MaxEvents + 1) + TimeSpan.FromMinutes(1)).UtcDateTime;

    public static void Hear(CallbackState saga, AgreementToTell message)
    {
        saga.AgreementId = message.AgreementId;
        saga.Known = Math.Max(saga.Known, message.Version);
    }

    public static void Advance(CallbackState saga, long told) => saga.Told = Math.Max(saga.Told, told);

    public static void BeginAnew(CallbackState saga)
    {
        saga.Failures = 0;
        saga.FailingSince = null;
        saga.IsGivenUp = false;
    }

    /// <summary>
    /// Has some process call. The command goes the way of a timer that is due at once, because that is written together with the saga:
    /// sent right here it would go out again whenever the saga is tried again.
    /// </summary>
    public Task CommandCallAsync(BehaviorContext<CallbackState> context)
    {
        var saga = context.Saga;
        saga.Attempts++;
        return context.ScheduleSend(
            CallbackCallsDefinition.Address,
            time.GetUtcNow().UtcDateTime,
            new CallForwarder(saga.AgreementId, saga.Told, saga.Known, saga.Attempts),
            context.CancellationToken);
    }

    public void Apply(BehaviorContext<CallbackState, ForwarderCalled> context)
    {
        var (saga, called) = (context.Saga, context.Message);
        if (called.Told > saga.Told)
        {
            // Something arrived: whatever comes now begins its time anew.
            BeginAnew(saga);
        }

        Advance(saga, called.Told);
        if (called.Failure is null)
        {
            BeginAnew(saga);
            saga.LastFailure = null;
            AgreementsMetrics.CountCallback("told");
        }
        else
        {
            Fail(saga, called.Failure, called.IsFinal);
        }
    }

    /// <summary>Counts a failure; too many, or one too late, are the last.</summary>
    public void Fail(CallbackState saga, string failure, bool isFinal = false)
    {
        var now = time.GetUtcNow();
        saga.Failures++;
        saga.FailingSince ??= now;
        saga.LastFailure = failure;
        saga.IsGivenUp = isFinal || now - saga.FailingSince.Value >= _options.GiveUp;
        AgreementsMetrics.CountCallback(saga.IsGivenUp ? "given-up" : "failed");
        if (saga.IsGivenUp)
        {
            logger.LogWarning("The forwarder of agreement {Agreement} could not be told and is given up: {Reason}", saga.AgreementId, failure);
        }
    }

    public DateTime RetryAt(CallbackState saga) =>
        (time.GetUtcNow() + (_options.Retries.Count == 0 ? TimeSpan.FromHours(1) : _options.Retries[Math.Min(saga.Failures, _options.Retries.Count) - 1])).UtcDateTime;

    /// <summary>
    /// Puts what resumes the call-backs among the dead letters, as the broker would: <c>mailkey dead-letters</c> shows it with the reason, and an
    /// operator who returns it to its queue has it tried again.
    /// </summary>
    public static async Task BuryAsync(BehaviorContext<CallbackState> context)
    {
        var endpoint = await context.GetSendEndpoint(DeadLetters);
        await endpoint.Send(
            new ResumeCallbacks(context.Saga.AgreementId),
            Pipe.Execute<SendContext<ResumeCallbacks>>(send =>
            {
                send.Headers.Set("x-first-death-queue", DurableQueue.AgreementCallbacks);
                send.Headers.Set("x-first-death-reason", $"forwarder not told: {context.Saga.LastFailure}");
            }),
            context.CancellationToken);
    }
}
