using System.Collections.Concurrent;
using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Hosting.Postgres;
using Mailkey.Senders;

namespace Mailkey.Verifier.Senders;

/// <summary>
/// Counts by sender domain what was not taken and why, for the page of that domain. Counted in memory on the mail path, and
/// written behind; when the database is away for long, counts are lost and nothing else.
/// </summary>
public sealed class RecentFailures(DomainFailures table, TimeProvider time, ILogger<RecentFailures> logger)
    : WriteBehind("Failures of sender domains", TimeSpan.FromSeconds(2), time, logger)
{
    /// <summary>How long failures are shown.</summary>
    public static readonly TimeSpan Age = TimeSpan.FromDays(7);

    // Anybody can send mail in the name of any number of domains: beyond so many in an hour only those known are counted.
    internal const int MaxPerHour = 10_000;

    // Of these, what mail of one client network may add: a flood of invented names leaves room for the failures of the others.
    internal const int MaxPerHourAndNetwork = MaxPerHour / 10;

    private readonly TimeProvider _time = time;
    private readonly ConcurrentDictionary<Key, Count> _counts = new();
    private readonly Lock _gate = new();
    private NetworkShare _shares = new(MaxPerHourAndNetwork);
    private DateTimeOffset _sharesOf;
    private int _known;

    /// <summary>Counts a message; returns at once. One that was accepted, or has no sender domain, is not counted.</summary>
    public void Note(Verdict verdict, Disposition disposition)
    {
        if (disposition == Disposition.Accept || verdict.Domain.Length == 0)
        {
            return;
        }

        var now = _time.GetUtcNow();
        var key = new Key(verdict.Domain, Hour(now), FailureCause.Of(verdict), disposition == Disposition.Reject);
        if (_counts.TryGetValue(key, out var count))
        {
            count.Add(now);
        }
        else if (Volatile.Read(ref _known) < MaxPerHour && SharesOf(key.Hour).TryEnter(AskingNetwork.Current))
        {
            count = new();
            if (_counts.TryAdd(key, count))
            {
                Interlocked.Increment(ref _known);
            }

            _counts.GetValueOrDefault(key, count).Add(now);
        }
    }

    protected override async Task WriteNewAsync(CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        List<(Count Count, DomainFailure Failure)> news = [];
        foreach (var (key, count) in _counts)
        {
            if (count.Take(out var lastAt) is var taken and > 0)
            {
                news.Add((count, new(key.Domain, key.Hour, key.Cause, key.Permanent, taken, lastAt)));
            }
            else if (key.Hour < Hour(now))
            {
                // Kept so long only to be known.
                if (_counts.TryRemove(key, out _))
                {
                    Interlocked.Decrement(ref _known);
                }
            }
        }

        try
        {
            await table.AddAsync([.. news.Select(item => item.Failure)], cancellationToken);
        }
        catch
        {
            foreach (var (count, failure) in news)
            {
                count.PutBack(failure.Count);
            }

            throw;
        }
    }

    protected override Task PruneAsync(DateTimeOffset now, CancellationToken cancellationToken) => table.PruneAsync(now - Age, cancellationToken);

    // Places are not given back: with the hour all of them are new.
    private NetworkShare SharesOf(DateTimeOffset hour)
    {
        lock (_gate)
        {
            if (hour > _sharesOf)
            {
                (_shares, _sharesOf) = (new(MaxPerHourAndNetwork), hour);
            }

            return _shares;
        }
    }

    private static DateTimeOffset Hour(DateTimeOffset time) => new(time.UtcTicks / TimeSpan.TicksPerHour * TimeSpan.TicksPerHour, TimeSpan.Zero);

    private readonly record struct Key(string Domain, DateTimeOffset Hour, string Cause, bool Permanent);

    private sealed class Count
    {
        private long _count;
        private long _lastAt;

        public void Add(DateTimeOffset now)
        {
            Volatile.Write(ref _lastAt, now.UtcTicks);
            Interlocked.Increment(ref _count);
        }

        public long Take(out DateTimeOffset lastAt)
        {
            var taken = Interlocked.Exchange(ref _count, 0);
            lastAt = new(Volatile.Read(ref _lastAt), TimeSpan.Zero);
            return taken;
        }

        public void PutBack(long count) => Interlocked.Add(ref _count, count);
    }
}
