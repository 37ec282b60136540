using Mailkey.Hosting.Postgres;
using Mailkey.Ledger.Publication;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Ledger.Subscriptions;

/// <summary>
/// Keeps the subscriptions of a service up to date: at once after an append, and by looking now and then in case that news got lost. Any
/// number of replicas may run it; of each subscription one at a time does the work.
/// </summary>
public sealed class SubscriptionService(
    SubscriptionReader reader, PostgresEventStore store, NpgsqlDataSource dataSource, string schema, IEnumerable<Subscription> subscriptions, TimeProvider time,
    ILogger<SubscriptionService> logger) : BackgroundService
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly Subscription[] _subscriptions = [.. subscriptions];
    private readonly Dictionary<Subscription, long> _failedAt = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var news = new SemaphoreSlim(0);
        var listener = ListenAsync(news, stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            var advanced = false;
            foreach (var subscription in _subscriptions)
            {
                advanced |= await AdvanceAsync(subscription, stoppingToken);
            }

            if (!advanced)
            {
                Task wait = news.WaitAsync(LookInterval, stoppingToken);
                await wait.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await listener;
        news.Dispose();
    }

    // One that failed rests for a while; the others go on meanwhile.
    private async Task<bool> AdvanceAsync(Subscription subscription, CancellationToken cancellationToken)
    {
        if (_failedAt.TryGetValue(subscription, out var failedAt) && time.GetElapsedTime(failedAt) < Pause)
        {
            return false;
        }

        try
        {
            var handled = await reader.AdvanceAsync(subscription, schema, upTo: null, cancellationToken);
            _failedAt.Remove(subscription);
            return handled > 0;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }
        catch (NpgsqlException e) when (DatabaseOutage.Is(e))
        {
            logger.LogWarning("{Subscription} waits for PostgreSQL: {Reason}", subscription.Name, e.Message);
        }
        catch (EventsNotPublishedException e)
        {
            logger.LogWarning("{Subscription} waits for the broker: {Reason}", subscription.Name, e.Message);
        }
        catch (Exception e)
        {
            // It can go no further: to leave an event out would make the read model wrong without anybody knowing.
            logger.LogError(e, "{Subscription} does not get past an event", subscription.Name);
        }

        _failedAt[subscription] = time.GetTimestamp();
        return false;
    }

    private async Task ListenAsync(SemaphoreSlim news, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await dataSource.OpenConnectionAsync(stop);
                connection.Notification += (_, _) =>
                {
                    if (news.CurrentCount == 0)
                    {
                        news.Release();
                    }
                };
                await using (var command = new NpgsqlCommand($"LISTEN {SqlIdentifier.Require(store.Channel)}", connection))
                {
                    await command.ExecuteNonQueryAsync(stop);
                }

                while (true)
                {
                    await connection.WaitAsync(stop);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (NpgsqlException e)
            {
                logger.LogWarning("No news of appends for a while; looking every {Interval} instead: {Reason}", LookInterval, e.Message);
            }

            await Task.Delay(Pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
