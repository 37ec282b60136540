using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Hosting.Postgres;

/// <summary>
/// Writes to the database, every now and then and once more at the end, what was counted in memory meanwhile: whoever counts never waits.
/// When the database is away it is said once, and what was counted waits. What has become old is removed there when it starts, and once an hour.
/// </summary>
/// <param name="what">What is written, as the log says it: "Failures of sender domains".</param>
public abstract class WriteBehind(string what, TimeSpan interval, TimeProvider time, ILogger logger) : BackgroundService
{
    private static readonly TimeSpan PruneInterval = TimeSpan.FromHours(1);

    private DateTimeOffset _pruned;
    private bool _isFailing;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryWriteAsync(cancellationToken);
    }

    /// <summary>Writes what has been counted since the last time, and removes what is old when that is due.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        await WriteNewAsync(cancellationToken);
        var now = time.GetUtcNow();
        if (now - _pruned >= PruneInterval)
        {
            // Noted first: what fails is not tried again with every write.
            _pruned = now;
            await PruneAsync(now, cancellationToken);
        }
    }

    /// <summary>Writes what has been counted since the last time; keeps it when that fails.</summary>
    protected abstract Task WriteNewAsync(CancellationToken cancellationToken);

    /// <summary>Removes what is too old from the table.</summary>
    protected abstract Task PruneAsync(DateTimeOffset now, CancellationToken cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await TryWriteAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; StopAsync writes the rest.
        }
    }

    private async Task TryWriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            await WriteAsync(cancellationToken);
            if (_isFailing)
            {
                _isFailing = false;
                logger.LogInformation("{What}: written again", what);
            }
        }
        catch (NpgsqlException e)
        {
            if (!_isFailing)
            {
                _isFailing = true;
                logger.LogWarning("{What}: can't be written now and wait in memory: {Reason}", what, e.Message);
            }
        }
    }
}
