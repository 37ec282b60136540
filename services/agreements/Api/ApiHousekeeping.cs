using Npgsql;

namespace Mailkey.Agreements.Api;

/// <summary>Forgets nonces and answers that are over.</summary>
public sealed class ApiHousekeeping(ApiStore store, TimeProvider time, ILogger<ApiHousekeeping> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await store.ForgetAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                logger.LogWarning("Nonces that are over stay for now: {Reason}", e.Message);
            }
        }
    }
}
