using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Messaging;
using Mailkey.Messaging.Journal;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Intake;

/// <summary>
/// Publishes accepted messages, those of concurrent sessions together, and tells each session when the broker has
/// confirmed: the quorum queue has the message on disk.
/// </summary>
internal sealed class AcceptancePublisher : BackgroundService
{
    /// <summary>Least time between two publishes while sessions are many; confirms are awaited beside them.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(5);

    private readonly Coalescer<Pending> outgoing;
    private readonly IBus bus;
    private readonly IJournal journal;
    private readonly TimeSpan timeout;
    private readonly TimeProvider time;
    private readonly ILogger<AcceptancePublisher> logger;
    private int waiting;

    public AcceptancePublisher(IOptions<MailkeyOptions> options, IBus bus, IJournal journal, TimeProvider time, ILogger<AcceptancePublisher> logger)
    {
        (this.bus, this.journal, this.time, this.logger) = (bus, journal, time, logger);
        timeout = options.Value.Verdict.ConfirmTimeout;
        outgoing = new(options.Value.Verdict.MaxBatch, Pace, time, StartAsync, static pending => BatchWeight.Of(pending.Message), BatchWeight.Max, () => waiting);
    }

    /// <summary>True when confirmed. False when refused or not confirmed in time: then nobody knows whether the broker has it.</summary>
    public async ValueTask<bool> PublishAsync(MessageAccepted message, CancellationToken cancellationToken)
    {
        var pending = new Pending(message);
        Interlocked.Increment(ref waiting);
        try
        {
            outgoing.Add(pending);
            return await pending.Confirmed.Task.WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            logger.LogWarning("{QueueId}: not confirmed within {Seconds} s", message.QueueId, timeout.TotalSeconds);
            return false;
        }
        finally
        {
            // Whoever still waits in the queue is not sent any more: its client was told 451.
            pending.Confirmed.TrySetResult(false);
            Interlocked.Decrement(ref waiting);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => outgoing.RunAsync(stoppingToken);

    private ValueTask StartAsync(List<Pending> batch)
    {
        var open = batch.FindAll(pending => !pending.Confirmed.Task.IsCompleted);
        if (open.Count > 0)
        {
            _ = PublishAsync(open);
        }

        return default;
    }

    private async Task PublishAsync(List<Pending> batch)
    {
        var confirmed = false;
        try
        {
            using var deadline = new CancellationTokenSource(timeout, time);
            await bus.Publish(new MessageAcceptedBatch { Messages = batch.ConvertAll(pending => pending.Message) }, deadline.Token);
            confirmed = true;
        }
        catch (Exception e)
        {
            // Whatever went wrong: the clients keep their messages.
            logger.LogWarning("{Count} accepted messages were not confirmed: {Reason}", batch.Count, e.Message);
        }

        foreach (var pending in batch)
        {
            if (confirmed)
            {
                journal.AppendAcceptance(pending.Message);
            }

            pending.Confirmed.TrySetResult(confirmed);
        }
    }

    private sealed record Pending(MessageAccepted Message)
    {
        public TaskCompletionSource<bool> Confirmed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
