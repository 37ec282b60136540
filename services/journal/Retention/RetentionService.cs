using Mailkey.Hosting.Options;
using Mailkey.Journal.Search;
using Mailkey.Ledger;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Journal.Retention;

/// <summary>Removes the lives of messages that are older than the configured time, a few at a time.</summary>
internal sealed class RetentionService(
    NpgsqlDataSource dataSource,
    IEventStore store,
    MessagesTable messages,
    IOptions<MailkeyOptions> options,
    TimeProvider time,
    ILogger<RetentionService> logger) : BackgroundService
{
    /// <summary>Messages removed in one transaction.</summary>
    private const int Chunk = 500;

    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await RemoveExpiredAsync(stoppingToken);
            }
            catch (NpgsqlException e)
            {
                logger.LogWarning("Old messages stay in the journal for now: {Reason}", e.Message);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
        while (await NextAsync(timer, stoppingToken));
    }

    /// <summary>Removes all that is too old now.</summary>
    /// <returns>How many messages that were.</returns>
    internal async Task<int> RemoveExpiredAsync(CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow() - options.Value.Journal.Retention;
        var removed = 0;
        while (await messages.ExpiredAsync(dataSource, before, Chunk, cancellationToken) is { Count: > 0 } expired)
        {
            // The line goes last: when the process dies in between, the message is found again.
            await store.DeleteStreamsAsync(expired, cancellationToken);
            await messages.DeleteAsync(dataSource, expired, cancellationToken);
            removed += expired.Count;
        }

        if (removed > 0)
        {
            logger.LogInformation("Removed {Messages} messages received before {Before:u} from the journal", removed, before);
        }

        return removed;
    }

    private static async Task<bool> NextAsync(PeriodicTimer timer, CancellationToken stoppingToken)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
