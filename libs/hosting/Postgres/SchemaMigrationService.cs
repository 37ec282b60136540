using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Hosting.Postgres;

/// <summary>Runs the registered migrations before any other hosted service starts; waits for a database that is not up yet.</summary>
internal sealed class SchemaMigrationService(
    SchemaMigrator migrator, IEnumerable<SchemaMigration> migrations, TimeProvider time, ILogger<SchemaMigrationService> logger)
    : IHostedLifecycleService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // "Starting" comes before the StartAsync of every hosted service, the bus included: no consumer runs without its tables.
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await migrator.ApplyAsync(migrations, cancellationToken);
                return;
            }
            catch (NpgsqlException e) when (DatabaseOutage.Is(e))
            {
                logger.LogWarning("PostgreSQL is not ready, trying again in {Pause}: {Reason}", Pause, e.Message);
            }

            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
