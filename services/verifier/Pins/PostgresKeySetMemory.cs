using System.Collections.Concurrent;
using Mailkey.Authentication.Keys;
using Mailkey.Senders;
using Mailkey.Verifier.Telemetry;
using Npgsql;

namespace Mailkey.Verifier.Pins;

/// <summary>
/// Key sets seen, in memory for the mail path and in PostgreSQL for restarts and for the other verifiers: read at start, written
/// behind in batches, and refreshed with what the others wrote. While the database is away, verdicts go on from memory and what
/// is new waits to be written.
/// </summary>
/// <param name="capacity">Most domains.</param>
/// <param name="vanishedGrace">How long a publisher that vanished counts as unknown: it is not forgotten before.</param>
public sealed class PostgresKeySetMemory(
    KeySetPins pins, DomainEvents events, int capacity, TimeSpan vanishedGrace, TimeProvider time, ILogger<PostgresKeySetMemory> logger)
    : BackgroundService, IKeySetMemory
{
    private const int BatchSize = 1000;

    private static readonly TimeSpan WriteInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PruneInterval = TimeSpan.FromHours(1);

    // Looks back further than to the last refresh: rows become visible when they are committed, not when they are stamped.
    private static readonly TimeSpan RefreshOverlap = TimeSpan.FromMinutes(1);

    // How long a domain is remembered that was seen on several days, and one that was only seen on one.
    private static readonly TimeSpan RegularAge = TimeSpan.FromDays(400);
    private static readonly TimeSpan PassingAge = TimeSpan.FromDays(7);

    private readonly InProcessKeySetMemory _memory = new(capacity);
    private readonly ConcurrentDictionary<string, byte> _unwritten = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _writing = new(1, 1);
    private DateTimeOffset _refreshed;
    private DateTimeOffset _pruned;
    private bool _failing;

    /// <summary>Domains that are remembered.</summary>
    public int Count => _memory.Count;

    /// <summary>Facts that are not in the database yet.</summary>
    public int Unwritten => _unwritten.Count;

    public SeenKeySet? Recall(string domain) => _memory.Recall(domain);

    public void Remember(SeenKeySet seen)
    {
        if (_memory.TryRemember(seen))
        {
            _unwritten.TryAdd(seen.Domain, 0);
        }
    }

    public void Forget(string domain)
    {
        _memory.Forget(domain);
        _unwritten.TryAdd(domain, 0);
    }

    /// <summary>Reads the table; after the migrations, and before the first message is judged.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var fact in await pins.LoadAsync(capacity, cancellationToken))
        {
            _memory.TryRemember(fact);
        }

        _refreshed = _pruned = time.GetUtcNow();
        logger.LogInformation("Remembering the key sets of {Count} domains", Count);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryAsync(WriteAsync, cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(WriteInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await TryAsync(WorkAsync, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; StopAsync writes the rest.
        }
    }

    /// <summary>Writes what is new, and takes in what the others wrote.</summary>
    internal Task WorkAsync(CancellationToken cancellationToken) => OneAtATimeAsync(WorkAloneAsync, cancellationToken);

    private async Task WorkAloneAsync(CancellationToken cancellationToken)
    {
        await WriteBatchesAsync(cancellationToken);
        var now = time.GetUtcNow();
        if (now - _refreshed >= RefreshInterval)
        {
            foreach (var fact in await pins.ChangedAsync(now - _refreshed + RefreshOverlap, capacity, cancellationToken))
            {
                _memory.TryRemember(fact);
            }

            _refreshed = now;
        }

        if (now - _pruned >= PruneInterval)
        {
            // Whoever has the grace period long wants it to hold for a publisher that was seen on one day, too.
            var passingAge = vanishedGrace > PassingAge ? vanishedGrace : PassingAge;
            await pins.PruneAsync(now, RegularAge, passingAge, vanishedGrace, cancellationToken);
            await ForgetRemovedAsync(now - passingAge, cancellationToken);
            await events.PruneAsync(now, cancellationToken);
            _pruned = now;
        }
    }

    // Of what is removed from the table no change is left to be read, and it may have been another verifier that removed it.
    private async Task ForgetRemovedAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        foreach (var facts in _memory.LastSeenBefore(before).ToList().Chunk(BatchSize))
        {
            var missing = await pins.MissingAsync([.. facts.Select(fact => fact.Domain)], cancellationToken);
            foreach (var fact in facts.Where(fact => missing.Contains(fact.Domain) && !_unwritten.ContainsKey(fact.Domain)))
            {
                _memory.Forget(fact);
            }
        }
    }

    // Only the verifier that wrote an event comes here with it: each is logged and counted once, however many verifiers there are.
    private void Report(IReadOnlyList<DomainEvent> written)
    {
        foreach (var change in written)
        {
            PublisherMetrics.CountChange(change.Kind);
            var level = change.Kind == DomainEventKind.PublisherReturned ? LogLevel.Information : LogLevel.Warning;
            logger.Log(level, "{Domain}: {Kind}; a key set was last seen at {LastSeen:u}, serial {Serial}", change.Domain, change.Kind, change.LastSeen, change.Serial);
        }
    }

    public override void Dispose()
    {
        _writing.Dispose();
        base.Dispose();
    }

    private Task WriteAsync(CancellationToken cancellationToken) => OneAtATimeAsync(WriteBatchesAsync, cancellationToken);

    // Who comes back from here knows that what was new before is written, and that nobody else is about to remember what it forgot.
    private async Task OneAtATimeAsync(Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await work(cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task WriteBatchesAsync(CancellationToken cancellationToken)
    {
        while (!_unwritten.IsEmpty)
        {
            List<SeenKeySet> facts = [];
            List<string> gone = [];
            foreach (var (domain, _) in _unwritten.Take(BatchSize))
            {
                // Taken off before it is read: a change from now on puts it back.
                _unwritten.TryRemove(domain, out _);
                if (_memory.Recall(domain) is { } fact)
                {
                    facts.Add(fact);
                }
                else
                {
                    gone.Add(domain);
                }
            }

            try
            {
                Report(await pins.SaveAsync(facts, cancellationToken));
                Report(await pins.RemoveAbsentAsync(gone, time.GetUtcNow(), cancellationToken));
            }
            catch
            {
                foreach (var domain in facts.Select(fact => fact.Domain).Concat(gone))
                {
                    _unwritten.TryAdd(domain, 0);
                }

                throw;
            }
        }
    }

    private async Task TryAsync(Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        try
        {
            await work(cancellationToken);
            if (_failing)
            {
                _failing = false;
                logger.LogInformation("Key sets seen are written again");
            }
        }
        catch (NpgsqlException e)
        {
            if (!_failing)
            {
                _failing = true;
                logger.LogWarning(e, "Key sets seen can't be written; {Unwritten} wait in memory", Unwritten);
            }
        }
    }
}
