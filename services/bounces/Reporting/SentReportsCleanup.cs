using Npgsql;

namespace Mailkey.Bounces.Reporting;

/// <summary>Forgets old orders, once a day.</summary>
public sealed class SentReportsCleanup(SentReports sent, TimeProvider time, ILogger<SentReportsCleanup> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromDays(1), time);
        do
        {
            try
            {
                var count = await sent.ForgetAsync(stoppingToken);
                if (count > 0)
                {
                    logger.LogInformation("Forgot {Count} reports older than {Days} days", count, SentReports.Retention.TotalDays);
                }
            }
            catch (NpgsqlException e)
            {
                logger.LogWarning("Old reports stay until tomorrow: {Reason}", e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
