using System.Runtime.ExceptionServices;
using Mailkey.Contracts;
using Mailkey.Delivery.Attempts;
using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Reports;
using Mailkey.Delivery.Sagas.Deferral;
using Mailkey.Storage;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace Mailkey.Delivery.Accepted;

/// <summary>
/// The first attempt for messages that were just accepted. The bus message is acknowledged when each of its messages is
/// final, or in the hands of the saga.
/// </summary>
internal sealed class MessageAcceptedConsumer(
    Courier courier, LongAttempts longAttempts, OutcomeReports reports, IContentStore store, Gathering gathering, ILogger<MessageAcceptedConsumer> logger) : IConsumer<MessageAcceptedBatch>
{
    private const int FirstAttempt = 1;

    public async Task Consume(ConsumeContext<MessageAcceptedBatch> context)
    {
        try
        {
            await gathering.EnterAsync(context.CancellationToken);
            await DeliverAsync(context);
        }
        finally
        {
            gathering.Leave();
        }
    }

    private async Task DeliverAsync(ConsumeContext<MessageAcceptedBatch> context)
    {
        List<(MessageAccepted Accepted, Exception Fault)> faults = [];
        List<(MessageAccepted Accepted, DeliveryAttempt Attempt)> attempts = [];
        foreach (var accepted in context.Message.Messages)
        {
            try
            {
                if (await OpenAsync(accepted, context.CancellationToken) is { } message)
                {
                    reports.Accepted(accepted);
                    attempts.Add((accepted, courier.Begin(message, accepted.Envelope.Recipients)));
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // One damaged content is no reason to hold back the others.
                faults.Add((accepted, e));
            }
        }

        await longAttempts.HasEndedAsync([.. attempts.Select(attempt => attempt.Attempt)], context.CancellationToken);
        var settled = await Task.WhenAll(attempts.Select(attempt => SettleAsync(context, attempt.Accepted, attempt.Attempt, faults)));
        await reports.FlushAsync(context.CancellationToken);
        foreach (var accepted in settled)
        {
            if (accepted is not null)
            {
                await ReleaseAsync(accepted);
            }
        }

        foreach (var (accepted, fault) in faults)
        {
            if (context.Message.Messages.Count == 1)
            {
                ExceptionDispatchInfo.Throw(fault);
            }

            // Alone from here on: when a bus message is repeated, who got one of its messages and is not done with it gets it again.
            logger.LogWarning("{QueueId}: not delivered with the others, trying it alone: {Reason}", accepted.QueueId, fault.Message);
            await context.Publish(new MessageAcceptedBatch { Messages = [accepted] }, CancellationToken.None);
        }
    }

    private async Task<OutgoingMessage?> OpenAsync(MessageAccepted accepted, CancellationToken cancellationToken)
    {
        // Asked each time and not only of what the broker calls redelivered: an operator who puts a bus message back from
        // the dead letters means those of its messages that are not final yet.
        if (await store.IsReleasedAsync(accepted.QueueId, accepted.Content, cancellationToken))
        {
            return null;
        }

        return await OutgoingMessage.OpenAsync(store, accepted.QueueId, accepted.ReceivedAt, accepted.Envelope, accepted.Content, cancellationToken)
            ?? throw new InvalidDataException($"Content of {accepted.QueueId} is gone and was not released.");
    }

    // Gives the message back when its content is to be released.
    private async Task<MessageAccepted?> SettleAsync(ConsumeContext context, MessageAccepted accepted, DeliveryAttempt attempt, List<(MessageAccepted Accepted, Exception Fault)> faults)
    {
        var isFollowed = false;
        try
        {
            var (outcomes, broken, running) = attempt.Look();
            if (broken.Count > 0)
            {
                if (outcomes.Count == 0 && running.Count == 0)
                {
                    // Nobody got anything yet: the bus message is repeated.
                    await attempt.Ended;
                }

                logger.LogError(broken[0].Outcomes.Exception, "{QueueId}: a part of the first attempt broke off", accepted.QueueId);
                outcomes.AddRange(broken.SelectMany(leg => leg.BrokenOff()));
            }

            await reports.ReportAsync(
                context, new(accepted.QueueId, accepted.ReceivedAt, accepted.Envelope, accepted.Verdict), FirstAttempt, outcomes, () => new(attempt.Message.HeaderBlock), context.CancellationToken);
            List<RecipientOutcome> deferred = [.. outcomes.Where(outcome => outcome.Kind == OutcomeKind.Deferred)];
            if (deferred.Count == 0 && running.Count == 0)
            {
                return accepted;
            }

            var detached = await DetachAsync(accepted, context.CancellationToken);
            await context.Publish(
                new MessageDeferred
                {
                    QueueId = accepted.QueueId,
                    ReceivedAt = accepted.ReceivedAt,
                    Envelope = accepted.Envelope,
                    Content = detached,
                    Verdict = accepted.Verdict,
                    Deferred = deferred,
                    UnderWay = [.. running.SelectMany(leg => leg.Recipients)],
                },
                context.CancellationToken);
            if (running.Count > 0)
            {
                isFollowed = true;
                longAttempts.Follow(attempt, accepted.QueueId, FirstAttempt);
            }

            return detached == accepted.Content ? null : accepted;
        }
        catch (Exception e)
        {
            lock (faults)
            {
                faults.Add((accepted, e));
            }

            return null;
        }
        finally
        {
            if (!isFollowed)
            {
                // A leg that is still under way reads the content.
                _ = attempt.Ended.ContinueWith(
                    static (_, message) => ((OutgoingMessage)message!).Dispose(), attempt.Message, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }
    }

    // The saga keeps a content for days, so it gets a file of its own. Where there is no room for one it gets the content as it is, which
    // costs the space of all that is stored beside it; to do everything again would cost those who have the message a second one.
    private async Task<ContentReference> DetachAsync(MessageAccepted accepted, CancellationToken cancellationToken)
    {
        try
        {
            return await store.DetachAsync(accepted.QueueId, accepted.Content, cancellationToken);
        }
        catch (Exception e) when (e is IOException and not FileNotFoundException or UnauthorizedAccessException)
        {
            logger.LogError(e, "{QueueId}: content could not be put into a file of its own, and stays where it is", accepted.QueueId);
            return accepted.Content;
        }
    }

    private async Task ReleaseAsync(MessageAccepted accepted)
    {
        try
        {
            await store.ReleaseAsync(accepted.QueueId, accepted.Content, CancellationToken.None);
        }
        catch (IOException e)
        {
            // It costs space until the content is an orphan. Doing everything again would cost every recipient a second copy.
            logger.LogError(e, "{QueueId}: content could not be released", accepted.QueueId);
        }
    }
}
