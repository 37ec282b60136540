using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Policy;

/// <summary>
/// Counts messages by sender domain: in memory on the mail path, written behind in batches. It is read when a rule asks, through
/// a cache; what other verifiers count is seen when a cached answer is a minute old.
/// </summary>
public sealed class SenderHistories : WriteBehind, ISenderHistories
{
    private const int BatchSize = 1000;

    // Domains counted between two writes. A flood of invented names fills it and is not counted further.
    private const int MaxUnwritten = 50_000;

    // 200 octets each.
    private const int CachedDomains = 50_000;

    private static readonly TimeSpan CacheTime = TimeSpan.FromMinutes(1);

    // How long a domain is remembered that was seen on several days, and one that was only seen on one.
    private static readonly TimeSpan RegularAge = TimeSpan.FromDays(400);
    private static readonly TimeSpan PassingAge = TimeSpan.FromDays(30);

    private readonly SenderHistoryTable _table;
    private readonly bool _isCounting;
    private readonly BriefQueries _queries;
    private readonly ClockCache<string, SenderHistory> _cache;
    private readonly Lock _gate = new();
    private Dictionary<string, HistoryChange> _unwritten = new(StringComparer.Ordinal);
    private Dictionary<string, HistoryChange> _beingWritten = new(StringComparer.Ordinal);

    public SenderHistories(SenderHistoryTable table, IOptions<MailkeyOptions> options, TimeProvider time, ILogger<SenderHistories> logger)
        : base("Histories of senders", TimeSpan.FromSeconds(2), time, logger)
    {
        _table = table;
        _isCounting = options.Value.Policy.History;
        _queries = new("Rules that ask for the history of a sender", options.Value.Policy.StateTimeout, time, logger);
        _cache = new(CachedDomains, time);
    }

    public void Note(string domain, DateTimeOffset at, Disposition disposition)
    {
        // Deferred mail comes again and is counted then.
        if (!_isCounting || domain.Length == 0 || disposition == Disposition.Defer)
        {
            return;
        }

        var (accepted, refused) = disposition == Disposition.Accept ? (1, 0) : (0, 1);
        lock (_gate)
        {
            if (_unwritten.TryGetValue(domain, out var change))
            {
                _unwritten[domain] = change with { LastAt = at > change.LastAt ? at : change.LastAt, Accepted = change.Accepted + accepted, Refused = change.Refused + refused };
            }
            else if (_unwritten.Count < MaxUnwritten)
            {
                _unwritten[domain] = new(domain, at, at, accepted, refused);
            }
        }
    }

    public async ValueTask<SenderHistory?> RecallAsync(string domain, CancellationToken cancellationToken)
    {
        // Nobody counts: what is in the table is of another time, and a domain that is not there may be an old acquaintance.
        if (!_isCounting)
        {
            PolicyMetrics.Skipped("history");
            return null;
        }

        if (!_cache.TryGet(domain, out var known, out _))
        {
            var (isAnswered, answer) = await AskAsync(domain, cancellationToken);
            if (!isAnswered)
            {
                PolicyMetrics.Skipped("history");
                return null;
            }

            known = answer!;
            _cache.Put(domain, known, CacheTime);
        }

        return WithUnwritten(domain, known);
    }

    protected override async Task WriteNewAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            // What a failed write left over is joined with what came since.
            foreach (var (domain, change) in _unwritten)
            {
                if (_beingWritten.TryGetValue(domain, out var older))
                {
                    _beingWritten[domain] = Join(older, change);
                }
                else if (_beingWritten.Count < MaxUnwritten)
                {
                    _beingWritten[domain] = change;
                }
            }

            _unwritten = new(StringComparer.Ordinal);
        }

        foreach (var batch in _beingWritten.Values.ToList().Chunk(BatchSize))
        {
            await _table.AddAsync(batch, cancellationToken);
            lock (_gate)
            {
                foreach (var change in batch)
                {
                    _beingWritten.Remove(change.Domain);

                    // In the cache until it expires, and from now on in the table as well.
                    if (_cache.TryGet(change.Domain, out var known, out var age))
                    {
                        _cache.Put(change.Domain, Add(known, change), CacheTime - age);
                    }
                }
            }
        }
    }

    protected override Task PruneAsync(DateTimeOffset now, CancellationToken cancellationToken) => _table.PruneAsync(now, RegularAge, PassingAge, cancellationToken);

    // Apart from its caller, so that only a question makes a closure.
    private ValueTask<(bool IsAnswered, SenderHistory? Answer)> AskAsync(string domain, CancellationToken cancellationToken) =>
        _queries.TryAsync(deadline => _table.ReadAsync(domain, deadline), cancellationToken);

    private SenderHistory WithUnwritten(string domain, SenderHistory known)
    {
        lock (_gate)
        {
            known = _beingWritten.TryGetValue(domain, out var change) ? Add(known, change) : known;
            return _unwritten.TryGetValue(domain, out change) ? Add(known, change) : known;
        }
    }

    private static SenderHistory Add(SenderHistory known, in HistoryChange change) => new()
    {
        FirstSeen = known.FirstSeen < change.FirstAt ? known.FirstSeen : change.FirstAt,
        LastSeen = known.LastSeen > change.LastAt ? known.LastSeen : change.LastAt,
        Accepted = known.Accepted + change.Accepted,
        Refused = known.Refused + change.Refused,
    };

    private static HistoryChange Join(in HistoryChange older, in HistoryChange newer) => older with
    {
        LastAt = newer.LastAt > older.LastAt ? newer.LastAt : older.LastAt,
        Accepted = older.Accepted + newer.Accepted,
        Refused = older.Refused + newer.Refused,
    };
}
