using System.Threading.Channels;
using Mailkey.Contracts.Agreements;
using Mailkey.Dns;
using MassTransit;

namespace Mailkey.Verifier.Agreements.Replays;

/// <summary>Where it is told that somebody sends signed messages of a forwarder again and again.</summary>
public interface IReplayAlarms
{
    /// <summary>Tells it, at most so often for one agreement; returns at once.</summary>
    void Raise(string agreementId, string queueId, string clientAddress);
}

/// <summary>
/// Tells the agreements service, which decides what stands in the history. Whoever replays does it a thousand times: this process speaks of an
/// agreement once an hour. A process that is killed takes what waits with it; the next copy raises the alarm anew.
/// </summary>
public sealed class ReplayAlarms(IBus bus, TimeProvider time, ILogger<ReplayAlarms> logger) : BackgroundService, IReplayAlarms
{
    /// <summary>Alarms that wait for the broker; further ones are dropped.</summary>
    private const int MaxWaiting = 1000;

    /// <summary>Agreements of which is known when they were last spoken of.</summary>
    private const int MaxKnown = 10_000;

    private static readonly TimeSpan Silence = TimeSpan.FromHours(1);
    private static readonly TimeSpan PublishTimeout = TimeSpan.FromSeconds(10);

    private readonly ClockCache<string, object> _raised = new(MaxKnown, time);
    private readonly Channel<AgreementMisused> _waiting = Channel.CreateBounded<AgreementMisused>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });

    public void Raise(string agreementId, string queueId, string clientAddress)
    {
        if (_raised.TryGet(agreementId, out _, out _))
        {
            return;
        }

        _raised.Put(agreementId, this, Silence);
        logger.LogWarning("{QueueId}: {Client} sends a signed message again and again under agreement {Agreement}", queueId, clientAddress, agreementId);
        _waiting.Writer.TryWrite(new() { AgreementId = agreementId, Kind = "message-replayed", QueueId = queueId, ClientAddress = clientAddress, At = time.GetUtcNow() });
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var alarm in _waiting.Reader.ReadAllAsync(stoppingToken))
            {
                while (!await PublishAsync(alarm, stoppingToken))
                {
                    await Task.Delay(PublishTimeout, time, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping
        }
    }

    private async Task<bool> PublishAsync(AgreementMisused alarm, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(PublishTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await bus.Publish(alarm, either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            logger.LogWarning("An alarm about an agreement waits for the broker: {Reason}", e.Message);
            return false;
        }
    }
}
