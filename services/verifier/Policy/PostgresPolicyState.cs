using Mailkey.Dns;
using Mailkey.Hosting.Options;
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

    // After a failure: mail that hits a rule does not wait for a database that just did not answer.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly PolicyStateTable _table;
    private readonly TimeSpan _timeout;
    private readonly int _most;
    private readonly TimeProvider _time;
    private readonly ILogger<PostgresPolicyState> _logger;
    private readonly ClockCache<StateKey, object> _passed;
    private long _pausedAt = long.MinValue;
    private int _isFailing;

    public PostgresPolicyState(PolicyStateTable table, IOptions<MailkeyOptions> options, TimeProvider time, ILogger<PostgresPolicyState> logger)
    {
        _table = table;
        _timeout = options.Value.Policy.StateTimeout;
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

        if (Volatile.Read(ref _pausedAt) is var pausedAt && pausedAt != long.MinValue && _time.GetElapsedTime(pausedAt) < Pause)
        {
            PolicyMetrics.Skipped("state");
            return null;
        }

        try
        {
            // Npgsql ends a command on cancellation, and a connection attempt as well.
            using var timeout = new CancellationTokenSource(_timeout, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            var refusal = await _table.AskAsync(asked, either.Token).WaitAsync(either.Token);
            Succeeded();
            for (var i = 0; i < (refusal?.Query ?? asked.Count); i++)
            {
                Remember(asked[i]);
            }

            return refusal is null ? null : refusal with { Query = places[refusal.Query] };
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            Failed(e);
            return null;
        }
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

    private void Succeeded()
    {
        Volatile.Write(ref _pausedAt, long.MinValue);
        if (Interlocked.Exchange(ref _isFailing, 0) == 1)
        {
            _logger.LogInformation("Rules that greylist or limit rates are in force again");
        }
    }

    private void Failed(Exception reason)
    {
        PolicyMetrics.Skipped("state");
        Volatile.Write(ref _pausedAt, _time.GetTimestamp());
        if (Interlocked.Exchange(ref _isFailing, 1) == 0)
        {
            _logger.LogError("The database does not answer in time; rules that greylist or limit rates are skipped until it does: {Reason}", reason.Message);
        }
    }
}
