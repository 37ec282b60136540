using System.Collections.Concurrent;
using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Sagas.Deferral;
using Mailkey.Hosting.Options;
using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Attempts;

/// <summary>
/// Attempts that outlive their bus message. A slow host may take half an hour for one mail; if bus messages waited for
/// it, a few slow hosts would hold up the mail of all others, and the broker would take the message for lost.
/// </summary>
internal sealed class LongAttempts(IBus bus, IOptions<MailkeyOptions> options, ILogger<LongAttempts> logger) : IHostedService
{
    // A part of what a service has to stop in.
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);

    // What is left of the patience with hosts that strangers named, when half of the bus messages wait for such already: somebody
    // with a few slow hosts must not hold up the mail of all others.
    private static readonly TimeSpan CrowdedPatience = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Task, byte> _followed = new();
    private readonly int _maxPatient = Math.Max(1, options.Value.Delivery.Concurrency / 2);
    private int _waitingForStrangers;

    /// <summary>Waits for attempts as long as a bus message may. Then what has not begun is withdrawn; true when nothing is under way after it.</summary>
    public async Task<bool> HasEndedAsync(IReadOnlyList<DeliveryAttempt> attempts, CancellationToken cancellationToken)
    {
        var ended = attempts.Count == 1 ? attempts[0].Ended : Task.WhenAll(attempts.Select(attempt => attempt.Ended));
        if (!ended.IsCompleted)
        {
            await WaitAsync(ended, attempts, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            if (!ended.IsCompleted)
            {
                foreach (var attempt in attempts)
                {
                    attempt.Withdraw();
                }
            }
        }

        return attempts.All(attempt => attempt.Ended.IsCompleted);
    }

    private async Task WaitAsync(Task ended, IReadOnlyList<DeliveryAttempt> attempts, CancellationToken cancellationToken)
    {
        var patience = options.Value.Delivery.Patience;
        if (!attempts.All(attempt => attempt.WaitsForStrangersAlone))
        {
            await Task.WhenAny(ended, Task.Delay(patience, cancellationToken));
            return;
        }

        var isCrowded = Interlocked.Increment(ref _waitingForStrangers) > _maxPatient;
        try
        {
            await Task.WhenAny(ended, Task.Delay(isCrowded && CrowdedPatience < patience ? CrowdedPatience : patience, cancellationToken));
        }
        finally
        {
            Interlocked.Decrement(ref _waitingForStrangers);
        }
    }

    public Task<bool> HasEndedAsync(DeliveryAttempt attempt, CancellationToken cancellationToken) => HasEndedAsync([attempt], cancellationToken);

    /// <summary>Tells the saga when an attempt has ended.</summary>
    public void Follow(DeliveryAttempt attempt, string queueId, int number)
    {
        var task = FollowAsync(attempt, queueId, number);
        _followed.TryAdd(task, 0);
        _ = task.ContinueWith(done => _followed.TryRemove(done, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Lets what is nearly over end, while the bus can still tell of it. The rest is for the saga's time-out.</summary>
    public async Task StopAsync(CancellationToken cancellationToken) =>
        await Task.WhenAny(Task.WhenAll(_followed.Keys), Task.Delay(StopPatience, cancellationToken));

    private async Task FollowAsync(DeliveryAttempt attempt, string queueId, int number)
    {
        using var message = attempt.Message;
        await ((Task)attempt.Ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (attempt.Ended.IsFaulted)
        {
            logger.LogError(attempt.Ended.Exception, "{QueueId}: attempt {Attempt} failed", queueId, number);
        }

        var (outcomes, broken, _) = attempt.Look();
        outcomes.AddRange(broken.SelectMany(leg => leg.BrokenOff()));
        try
        {
            await bus.Publish(new AttemptFinished { QueueId = queueId, Attempt = number, Outcomes = outcomes });
        }
        catch (Exception e)
        {
            // The saga has a time-out for attempts of which nothing is heard.
            logger.LogError(e, "{QueueId}: end of attempt {Attempt} could not be told", queueId, number);
        }
    }
}
