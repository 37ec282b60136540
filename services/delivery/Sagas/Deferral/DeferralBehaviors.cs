using Mailkey.Delivery.Attempts;
using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Reports;
using Mailkey.Hosting.Options;
using Mailkey.Storage;
using MassTransit;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Sagas.Deferral;

/// <summary>What the steps of the deferral do.</summary>
internal sealed class DeferralBehaviors(
    OutcomeReports reports, IContentStore store, IOptions<MailkeyOptions> options, TimeProvider time, ILogger<DeferralBehaviors> logger)
{
    /// <summary>Longer than any attempt can last; only the death of its process leaves one open.</summary>
    public static readonly TimeSpan LongestAttempt = TimeSpan.FromHours(2);

    private static readonly Uri AttemptQueue = new($"exchange:{AttemptDeliveryDefinition.QueueName}");

    private readonly DeliveryOptions _options = options.Value.Delivery;

    public void Begin(BehaviorContext<DeferralState, MessageDeferred> context)
    {
        var (saga, message) = (context.Saga, context.Message);
        saga.QueueId = message.QueueId;
        saga.ReceivedAt = message.ReceivedAt;
        saga.Envelope = message.Envelope;
        saga.Content = message.Content;
        saga.Verdict = message.Verdict;
        saga.Attempts = 1;
        saga.Pending =
        [
            .. message.Deferred,
            .. message.UnderWay.Select(recipient => OutgoingTransaction.Of(
                recipient, Finding.Temporary("4.4.2", "the attempt did not end"), "", null, time.GetUtcNow())),
        ];
    }

    /// <summary>The first attempt came twice, and the second time it got further.</summary>
    public void Narrow(BehaviorContext<DeferralState, MessageDeferred> context)
    {
        var left = context.Message.Deferred.Select(outcome => outcome.Recipient.ForwardPath)
            .Concat(context.Message.UnderWay.Select(recipient => recipient.ForwardPath))
            .ToHashSet(StringComparer.Ordinal);
        context.Saga.Pending.RemoveAll(pending => !left.Contains(pending.Recipient.ForwardPath));

        // The first time there was no room for a file of its own; who made one now releases what was kept till then.
        context.Saga.Content = context.Message.Content;
    }

    /// <summary>Takes the outcomes of an attempt in, and reports those that are final.</summary>
    public async Task ApplyAsync(BehaviorContext<DeferralState, AttemptFinished> context)
    {
        var (saga, message) = (context.Saga, context.Message);
        List<RecipientOutcome> final = [];
        foreach (var outcome in message.Outcomes)
        {
            var index = saga.Pending.FindIndex(pending => pending.Recipient.ForwardPath == outcome.Recipient.ForwardPath);
            if (index < 0)
            {
                // Said before: the bus delivers at least once.
                continue;
            }

            if (outcome.Kind == OutcomeKind.Deferred)
            {
                saga.Pending[index] = outcome;
            }
            else
            {
                saga.Pending.RemoveAt(index);
                final.Add(outcome);
            }
        }

        await reports.ReportAsync(context, MessageOf(saga), message.Attempt, final, () => HeaderAsync(saga), context.CancellationToken);
    }

    /// <summary>Gives up what is left (RFC 5321 §4.5.4.1), with the last thing that was heard.</summary>
    public Task ExpireAsync(BehaviorContext<DeferralState> context)
    {
        var saga = context.Saga;
        List<RecipientOutcome> expired = [.. saga.Pending.Select(pending => pending with { Kind = OutcomeKind.Failed, Status = "5.4.7" })];
        saga.Pending.Clear();
        return reports.ReportAsync(context, MessageOf(saga), saga.Attempts, expired, () => HeaderAsync(saga), context.CancellationToken);
    }

    /// <summary>All recipients are final, and their reports are out: the content may go.</summary>
    public async Task ReleaseAsync(BehaviorContext<DeferralState> context)
    {
        await reports.FlushAsync(context.CancellationToken);
        await store.ReleaseAsync(context.Saga.QueueId, context.Saga.Content, context.CancellationToken);
    }

    public void NoteDeferrals(BehaviorContext<DeferralState> context)
    {
        var next = time.GetUtcNow() + UntilRetry(context.Saga);
        foreach (var pending in context.Saga.Pending)
        {
            reports.NoteDeferral(context.Saga.QueueId, context.Saga.Attempts, next, pending);
        }
    }

    public async Task WarnAsync(BehaviorContext<DeferralState> context)
    {
        var saga = context.Saga;
        if (!saga.IsSenderWarned && saga.Pending.Count > 0)
        {
            await OutcomeReports.ReportDelayAsync(context, MessageOf(saga), saga.Pending, saga.ReceivedAt + _options.Expiry, () => HeaderAsync(saga), context.CancellationToken);
            saga.IsSenderWarned = true;
        }
    }

    /// <summary>
    /// Has some delivery process try what is left. The command goes the way of a timer that is due at once, because that
    /// is written together with the saga: published right here it would go out again whenever the saga is tried again.
    /// </summary>
    public Task CommandAttemptAsync(BehaviorContext<DeferralState> context)
    {
        var saga = context.Saga;
        return context.ScheduleSend(
            AttemptQueue,
            time.GetUtcNow().UtcDateTime,
            new AttemptDelivery
            {
                QueueId = saga.QueueId,
                Attempt = saga.Attempts,
                ReceivedAt = saga.ReceivedAt,
                Envelope = saga.Envelope,
                Content = saga.Content,
                Recipients = [.. saga.Pending.Select(pending => pending.Recipient)],
            },
            context.CancellationToken);
    }

    /// <summary>Whether nothing is left to try, or no time to try it.</summary>
    public bool IsOver(DeferralState saga) => saga.Pending.Count == 0 || time.GetUtcNow() >= saga.ReceivedAt + _options.Expiry;

    /// <summary>The wait before the next attempt; the last one is at the expiry.</summary>
    public TimeSpan UntilRetry(DeferralState saga)
    {
        var wait = _options.Retries.Count == 0 ? TimeSpan.FromMinutes(30) : _options.Retries[Math.Min(saga.Attempts, _options.Retries.Count) - 1];
        var left = saga.ReceivedAt + _options.Expiry - time.GetUtcNow();
        return left < wait ? Longer(left, TimeSpan.Zero) : wait;
    }

    public TimeSpan UntilDelayWarning(DeferralState saga) => Longer(saga.ReceivedAt + _options.DelayWarning - time.GetUtcNow(), TimeSpan.Zero);

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static ReportedMessage MessageOf(DeferralState saga) => new(saga.QueueId, saga.ReceivedAt, saga.Envelope, saga.Verdict);

    private async ValueTask<byte[]> HeaderAsync(DeferralState saga)
    {
        try
        {
            using var message = await OutgoingMessage.OpenAsync(store, saga.QueueId, saga.ReceivedAt, saga.Envelope, saga.Content, CancellationToken.None);
            if (message is not null)
            {
                return message.HeaderBlock;
            }

            logger.LogError("{QueueId}: content is gone; its report has no header", saga.QueueId);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            // The sender has to hear that the message was not delivered, also when it can't be read any more.
            logger.LogError(e, "{QueueId}: content can't be read; its report has no header", saga.QueueId);
        }

        return [];
    }
}
