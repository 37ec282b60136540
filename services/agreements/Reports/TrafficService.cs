using Mailkey.Hosting.Postgres;
using Mailkey.Ledger.Events;
using Npgsql;

namespace Mailkey.Agreements.Reports;

/// <summary>Closes the days of traffic. Replicas may do it at the same time: what is recorded twice is recorded once.</summary>
internal sealed class TrafficService(AgreementReports reports, TimeProvider time, ILogger<TrafficService> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                try
                {
                    await reports.CloseDaysAsync(stoppingToken);
                }
                catch (Exception e) when (e is ContentionException || (e is NpgsqlException && DatabaseOutage.Is(e)))
                {
                    logger.LogWarning("The traffic of past days waits: {Reason}", e.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping
        }
    }
}
