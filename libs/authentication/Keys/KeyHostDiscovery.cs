using System.Collections.Concurrent;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Logging;

namespace Mailkey.Authentication.Keys;

/// <summary>
/// Finds the key set of a domain and keeps what it found. Look-ups of one domain share one flight; domains that are not in the
/// cache are turned away when too many flights are under way, in all or for one client network; those in the cache never are.
/// </summary>
public sealed class KeyHostDiscovery(
    KeyHostSearch search, KeyHostOptions options, IKeySetMemory memory, TimeProvider time, ILogger<KeyHostDiscovery> logger)
{
    // A sighting is written down again after this time: each mail must not cost a write.
    private static readonly TimeSpan SightingAge = TimeSpan.FromHours(1);

    // Domains that are to be looked up anew, and for how long that is remembered of one of which no mail comes.
    private const int MaxDoubted = 1000;
    private static readonly TimeSpan DoubtAge = TimeSpan.FromMinutes(5);

    private readonly ClockCache<string, KeyHost> _cache = new(options.CacheEntries, time);
    private readonly ClockCache<string, string> _doubted = new(MaxDoubted, time);
    private readonly KeyHostSearch _uncached = search.WithoutCache();
    private readonly ConcurrentDictionary<string, Task<KeyHost>> _flights = new(StringComparer.Ordinal);
    private readonly NetworkShare _shares = new(options.MaxConcurrentPerNetwork);
    private int _underWay;

    /// <summary>Key hosts in the cache.</summary>
    public int Cached => _cache.Cost;

    /// <summary>Tells the state of the key host of a domain.</summary>
    /// <param name="domain">Domain of the reverse-path, or of EHLO when that is null; in any form.</param>
    /// <exception cref="OperationCanceledException">The token said so; the discovery goes on for those who wait for the same domain.</exception>
    public ValueTask<KeyHost> FindAsync(string domain, CancellationToken cancellationToken)
    {
        if (!DomainName.TryNormalize(domain, out var name))
        {
            // An address literal, say: nothing can be published for it.
            return new(new KeyHost { Domain = PlainText.From(domain, 64), State = KeyHostState.Absent, Reason = "not a domain name", MaxAge = options.MinAge });
        }

        if (_cache.TryGet(name, out var kept, out _))
        {
            return new(kept);
        }

        if (!_flights.TryGetValue(name, out var shared))
        {
            var network = AskingNetwork.Current;
            if (!_shares.TryEnter(network))
            {
                return new(Unknown(name, "too many discoveries under way for mail of your network"));
            }

            var flight = new TaskCompletionSource<KeyHost>(TaskCreationOptions.RunContinuationsAsynchronously);
            shared = _flights.GetOrAdd(name, flight.Task);
            if (ReferenceEquals(shared, flight.Task))
            {
                _ = FlyAsync(name, flight, network);
            }
            else
            {
                _shares.Leave(network);
            }
        }

        return new(shared.WaitAsync(cancellationToken));
    }

    /// <summary>
    /// Drops what is in the cache about one domain. When it is asked for next, the DNS cache is passed by as well; what was
    /// remembered of it as a publisher stays.
    /// </summary>
    /// <param name="domain">In normal form.</param>
    public void Doubt(string domain)
    {
        _doubted.Put(domain, domain, DoubtAge);
        _cache.Expire(domain);
    }

    private async Task FlyAsync(string domain, TaskCompletionSource<KeyHost> flight, AskingNetwork? network)
    {
        var within = Interlocked.Increment(ref _underWay) <= options.MaxConcurrent;
        try
        {
            KeyHost host;
            try
            {
                host = within ? await DiscoverAsync(domain).ConfigureAwait(false) : Unknown(domain, "too many discoveries under way");
            }
            finally
            {
                // Before those who wait go on: what they ask for next finds the place free.
                Interlocked.Decrement(ref _underWay);
                _shares.Leave(network);
            }

            flight.SetResult(host);
        }
        catch (Exception fault)
        {
            flight.SetException(fault); // a bug: those who wait see it
        }
        finally
        {
            _flights.TryRemove(new(domain, flight.Task));
        }
    }

    private async Task<KeyHost> DiscoverAsync(string domain)
    {
        if (_cache.TryGet(domain, out var kept, out _))
        {
            return kept; // landed between our look into the cache and the start of this flight
        }

        using var deadline = new CancellationTokenSource(options.Timeout, time);
        KeyHost host;
        try
        {
            var doubted = _doubted.TryGet(domain, out _, out _);
            _doubted.Expire(domain);
            var finding = await (doubted ? _uncached : search).SearchAsync(domain, deadline.Token).ConfigureAwait(false);
            host = Judge(domain, finding);
            if (finding.Fault == KeyHostFault.Busy)
            {
                return host; // says something about us, not about the domain: the next message may have more luck
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            host = Unknown(domain, $"no end of the search for the key host of {domain} within {options.Timeout.TotalSeconds:0.#} s");
        }

        if (!_doubted.TryGet(domain, out _, out _))
        {
            _cache.Put(domain, host, host.MaxAge); // else doubted while it was on its way
        }

        return host;
    }

    // What was seen before decides too: a set does not grow older, and a publisher does not become an unpublished domain at once.
    private KeyHost Judge(string domain, KeyHostFinding finding)
    {
        var seen = memory.Recall(domain);
        var now = time.GetUtcNow();
        switch (finding.State)
        {
            case KeyHostState.Exists when finding.Keys!.Serial < seen?.Serial:
                if (seen.RefusedSince is null)
                {
                    logger.LogWarning("Key set of {Domain} was rolled back: serial {Serial} after {Seen}", domain, finding.Keys.Serial, seen.Serial);
                    memory.Remember(seen with { RefusedSerial = finding.Keys.Serial, RefusedSince = now });
                }

                return Unknown(domain, $"serial {finding.Keys.Serial} at {finding.Host} is lower than {seen.Serial}, which was seen before");

            case KeyHostState.Exists:
                if (seen is null || seen.AbsentSince is not null || seen.RefusedSince is not null || finding.Keys!.Serial > (seen.Serial ?? -1) || now - seen.LastSeen >= SightingAge)
                {
                    memory.Remember(new(domain, finding.Keys!.Serial ?? seen?.Serial, now));
                }

                return Of(domain, finding, Bounded(finding.MaxAge));

            case KeyHostState.Absent when seen is { AbsentSince: null }:
                logger.LogWarning("{Domain} published a key set, last seen {LastSeen}, and is absent now; treated as unknown for {Grace}", domain, seen.LastSeen, options.VanishedGrace);
                memory.Remember(seen with { AbsentSince = now });
                return Vanished(domain, seen);

            case KeyHostState.Absent when seen is not null:
                if (now - seen.AbsentSince < options.VanishedGrace)
                {
                    return Vanished(domain, seen);
                }

                memory.Forget(domain);
                return Of(domain, finding, Bounded(finding.MaxAge));

            case KeyHostState.Absent:
                return Of(domain, finding, Bounded(finding.MaxAge));

            default:
                return Of(domain, finding, options.UnknownAge);
        }
    }

    private KeyHost Vanished(string domain, SeenKeySet seen) => Unknown(
        domain, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{domain} published a key set until {seen.LastSeen:yyyy-MM-dd} and is absent now"));

    private static KeyHost Of(string domain, KeyHostFinding finding, TimeSpan age) =>
        new() { Domain = domain, State = finding.State, Keys = finding.Keys, Source = finding.Source, Reason = finding.Reason, MaxAge = age };

    private KeyHost Unknown(string domain, string reason) =>
        new() { Domain = domain, State = KeyHostState.Unknown, Reason = reason, MaxAge = options.UnknownAge };

    private TimeSpan Bounded(TimeSpan age) => age < options.MinAge ? options.MinAge : age > options.MaxAge ? options.MaxAge : age;
}
