namespace Mailkey.Agreements.Reports;

/// <summary>
/// Closes the days of traffic, and judges organisations by theirs. Replicas may do it at the same time: what is recorded twice is recorded once.
/// </summary>
internal sealed class TrafficService(AgreementReports reports, OrganizationHistory history, TimeProvider time, ILogger<TrafficService> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                await TryAsync(reports.CloseDaysAsync, "The traffic of past days waits", stoppingToken);
                await TryAsync(history.RecordAsync, "The history of organisations waits", stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping
        }
    }

    // Whatever it is, the next round tries again: an API and a portal must not end because of a sum.
    private async Task TryAsync(Func<CancellationToken, Task> work, string what, CancellationToken stoppingToken)
    {
        try
        {
            await work(stoppingToken);
        }
        catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            logger.LogWarning(e, "{What}: {Reason}", what, e.Message);
        }
    }
}
