using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Policy.State;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Verifier.Policy;

/// <summary>
/// Greylisting and rate limits over the shared table. What has passed greylisting is kept in memory for a while, so that the
/// regular mail of a greylisted pair costs nothing. Without the database such rules are skipped: mail is never held up by it.
/// </summary>
public sealed class PostgresPolicyState : BackgroundService, IPolicyState
{
    // 100 octets each.
    private const int CachedPasses = 100_000;

    // Shorter than any sensible Remember: the table hears of a regular sender often enough to go on remembering it.
    private static readonly TimeSpan CacheTime = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan CleaningInterval = TimeSpan.FromMinutes(10);

    private readonly PolicyStateTable _table;
    private readonly BriefQueries _queries;
    private readonly int _most;
    private readonly TimeProvider _time;
    private readonly ILogger<PostgresPolicyState> _logger;
    private readonly ClockCache<StateKey, object> _passed;

    public PostgresPolicyState(PolicyStateTable table, IOptions<MailkeyOptions> options, TimeProvider time, ILogger<PostgresPolicyState> logger)
    {
        _table = table;
        _queries = new("Rules that greylist or limit rates", options.Value.Policy.StateTimeout, time, logger);
        _most = options.Value.Policy.StateRows;
        _time = time;
        _logger = logger;
        _passed = new(CachedPasses, time);
    }

    public async ValueTask<StateRefusal?> AskAsync(IReadOnlyList<StateQuery> queries, CancellationToken cancellationToken)
    {
        var (asked, places) = Uncached(queries);
        if (asked.Count == 0)
        {
            return null;
        }

        var (isAnswered, refusal) = await _queries.TryAsync(deadline => _table.AskAsync(asked, deadline), cancellationToken);
        if (!isAnswered)
        {
            PolicyMetrics.Skipped("state");
            return null;
        }

        for (var i = 0; i < (refusal?.Query ?? asked.Count); i++)
        {
            Remember(asked[i]);
        }

        return refusal is null ? null : refusal with { Query = places[refusal.Query] };
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(CleaningInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    var removed = await _table.CleanAsync(_time.GetUtcNow(), _most, stoppingToken);
                    if (removed > 0)
                    {
                        _logger.LogInformation("{Removed} rows of greylisting and rate limits have expired", removed);
                    }
                }
                catch (NpgsqlException e)
                {
                    _logger.LogWarning("Greylisting and rate limits could not be cleaned up: {Reason}", e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping
        }
    }

    // Without the keys that are known to have passed; the places lead back to the queries given.
    private (List<StateQuery> Asked, List<int> Places) Uncached(IReadOnlyList<StateQuery> queries)
    {
        List<StateQuery> asked = new(queries.Count);
        List<int> places = new(queries.Count);
        for (var i = 0; i < queries.Count; i++)
        {
            var query = queries[i];
            if (query.Kind == StateKind.Greylist)
            {
                var unknown = query.Keys.Where(key => !_passed.TryGet(key, out _, out _)).ToList();
                if (unknown.Count == 0)
                {
                    continue;
                }

                query = unknown.Count == query.Keys.Count ? query : query with { Keys = unknown };
            }

            asked.Add(query);
            places.Add(i);
        }

        return (asked, places);
    }

    private void Remember(StateQuery query)
    {
        if (query.Kind == StateKind.Greylist)
        {
            var lifetime = query.Remember < CacheTime ? query.Remember : CacheTime;
            foreach (var key in query.Keys)
            {
                _passed.Put(key, this, lifetime);
            }
        }
    }
}
