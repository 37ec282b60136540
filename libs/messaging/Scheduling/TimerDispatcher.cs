using MassTransit;
using MassTransit.Serialization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Messaging.Scheduling;

/// <summary>Sends timers when they are due. Every replica runs one; a timer goes to whichever comes first.</summary>
internal sealed class TimerDispatcher(
    PostgresTimers timers, WakeSignal signal, IBus bus, TimeProvider time, ILogger<TimerDispatcher> logger) : BackgroundService
{
    /// <summary>Timers sent in one transaction.</summary>
    private const int BatchSize = 100;

    /// <summary>How late a timer can be that a replica set which died before its time.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <summary>Pause when all that is due is in the hands of another replica: its rows are seen until it has sent them.</summary>
    private static readonly TimeSpan TakenPause = TimeSpan.FromMilliseconds(250);

    /// <summary>A send waits while the broker is away. No longer than this, because the rows stay locked meanwhile.</summary>
    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(20);

    /// <summary>Pause for timers that could not be sent, and after the database failed.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var now = time.GetUtcNow();
                var taken = await timers.DispatchDueAsync(now, BatchSize, now + RetryPause, SendAsync, stoppingToken);
                if (taken == BatchSize)
                {
                    continue;
                }

                var wait = (await timers.NextDueAsync(stoppingToken) ?? DateTimeOffset.MaxValue) - time.GetUtcNow();
                if (taken == 0 && wait <= TimeSpan.Zero)
                {
                    await Task.Delay(TakenPause, time, stoppingToken);
                    continue;
                }

                await signal.WaitAsync(wait < LongestWait ? wait : LongestWait, time, stoppingToken);
            }
            catch (NpgsqlException e)
            {
                logger.LogWarning("Timers of schema {Schema} wait for the database: {Reason}", timers.Schema, e.Message);
                await PauseAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task PauseAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.Delay(RetryPause, time, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The loop ends.
        }
    }

    private async Task<IReadOnlyCollection<Guid>> SendAsync(IReadOnlyList<TimedMessage> due, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(SendTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        var sends = due.Select(timer => TrySendAsync(timer, either.Token)).ToArray();
        var results = await Task.WhenAll(sends);
        return [.. due.Where((_, i) => results[i]).Select(timer => timer.Token)];
    }

    private async Task<bool> TrySendAsync(TimedMessage timer, CancellationToken cancellationToken)
    {
        try
        {
            var endpoint = await bus.GetSendEndpoint(timer.Destination);
            await endpoint.Send(new SerializedMessageBody(), new EnvelopePipe(timer), cancellationToken);
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whatever the reason, the timer stays in the table and the others go on.
            logger.LogWarning("Timer {Token} to {Destination} could not be sent and stays: {Reason}", timer.Token, timer.Destination, e.Message);
            return false;
        }
    }

    private sealed class EnvelopePipe(TimedMessage timer) : IPipe<SendContext>
    {
        public Task Send(SendContext context)
        {
            context.MessageId = timer.Token;
            context.Serializer = new EnvelopeSerializer(timer.Envelope);
            if (context is RabbitMqSendContext transport)
            {
                // Unroutable is a failure to send: the queue may not be declared yet.
                transport.Mandatory = true;
            }

            return Task.CompletedTask;
        }

        public void Probe(ProbeContext context)
        {
        }
    }

    private sealed class EnvelopeSerializer(byte[] envelope) : IMessageSerializer
    {
        public System.Net.Mime.ContentType ContentType => SystemTextJsonMessageSerializer.JsonContentType;

        public MessageBody GetMessageBody<T>(SendContext<T> context)
            where T : class => new BytesMessageBody(envelope);
    }
}
