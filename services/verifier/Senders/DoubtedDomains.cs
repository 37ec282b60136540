using Mailkey.Authentication.Keys;
using Mailkey.Senders;
using Npgsql;

namespace Mailkey.Verifier.Senders;

/// <summary>
/// Watches for domains that somebody asked to look at again on the status page, and lets the cache of this verifier forget them. A
/// table is looked at once a second: it works for any number of verifiers, and one that was away misses nothing that matters.
/// </summary>
public sealed class DoubtedDomains(DomainChecks checks, KeyHostDiscovery discovery, TimeProvider time, ILogger<DoubtedDomains> logger) : BackgroundService
{
    private const int MostAtOnce = 1000;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PruneInterval = TimeSpan.FromHours(1);

    // Looks back further than to the last look: a row becomes visible when it is committed, and clocks of hosts differ.
    private static readonly TimeSpan Overlap = TimeSpan.FromSeconds(15);

    private Dictionary<string, DateTimeOffset> _done = new(StringComparer.Ordinal);
    private DateTimeOffset _pruned;
    private bool _failing;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await LookAsync(stoppingToken);
                    _failing = false;
                }
                catch (NpgsqlException e)
                {
                    if (!_failing)
                    {
                        _failing = true;
                        logger.LogWarning("Domains to be looked at again can't be read now: {Reason}", e.Message);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <summary>Looks once.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        Dictionary<string, DateTimeOffset> seen = new(StringComparer.Ordinal);
        foreach (var (domain, at) in await checks.SinceAsync(now - Overlap, MostAtOnce, cancellationToken))
        {
            seen[domain] = at;
            if (!_done.TryGetValue(domain, out var done) || done != at)
            {
                discovery.Doubt(domain);
            }
        }

        _done = seen;
        if (now - _pruned >= PruneInterval)
        {
            await checks.PruneAsync(now, cancellationToken);
            _pruned = now;
        }
    }
}
