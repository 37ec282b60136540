using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Sockets;

namespace Mailkey.Dns;

/// <summary>
/// A stub resolver: asks recursive resolvers, checks that an answer belongs to its question, and keeps it for its TTL.
/// Look-ups of the same question share one flight; no waiter can end it for the others.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore never makes a wait handle, and flights that outlive the resolver still release it.")]
public sealed class DnsResolver : IDnsResolver
{
    internal const int FormatError = 1;
    internal const int NameErrorCode = 3;
    internal const int NotImplemented = 4;

    /// <summary>Longest CNAME chain that is followed.</summary>
    public const int MaxChain = 16;

    // RFC 9520 §3.2: resolution failures are kept at least one second.
    private static readonly TimeSpan FailureAge = TimeSpan.FromSeconds(1);

    private static readonly DnsAnswer TooMany = new() { Status = DnsStatus.ServerFailure, Detail = "too many look-ups under way" };

    // Look-ups that wait for their turn, as a multiple of those on the wire.
    private const int MaxWaiting = 8;

    // Part of the look-ups under way that those which yield may take together with all others.
    private const int YieldingShare = 2;

    // Part of that which they may take for the mail of one client network.
    private const int NetworkPart = 2;

    private static readonly SearchValues<char> UpperCase = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    private readonly DnsResolverOptions _options;
    private readonly TimeProvider _time;
    private readonly DnsServer[] _servers;
    private readonly DnsCache _cache;
    private readonly ConcurrentDictionary<DnsQuestion, Task<DnsAnswer>> _flights = new();
    private readonly SemaphoreSlim _turns;
    private readonly NetworkShare _yieldingShares;
    private int _underWay;
    private int _preferred;

    public DnsResolver(DnsResolverOptions options, TimeProvider time)
    {
        if (options.Servers.Count == 0)
        {
            throw new ArgumentException("no servers", nameof(options));
        }

        _options = options;
        _time = time;
        _servers = [.. options.Servers.Select(server => new DnsServer(server))];
        _cache = new(options.CacheEntries, time);
        _turns = new(options.MaxConcurrent);
        _yieldingShares = new(Math.Max(1, options.MaxConcurrent / YieldingShare / NetworkPart));
        Uncached = new PastCache(this);
        Yielding = new YieldingResolver(this);
    }

    /// <summary>The same resolver, with the same limits, for who doubts the cache: it takes nothing from it, and puts there what it learns.</summary>
    public IDnsResolver Uncached { get; }

    /// <summary>
    /// The same resolver for look-ups that others come before: while half of <see cref="DnsResolverOptions.MaxConcurrent"/> are under way it
    /// answers from the cache and from look-ups that run already, and fails all else at once. So names that strangers chose, and lists that
    /// died, can't keep what must be known from being asked. Of that half no client network (<see cref="AskingNetwork"/>) has more than a half.
    /// </summary>
    public IDnsResolver Yielding { get; }

    /// <summary>Answers in the cache, large ones counted several times.</summary>
    public int CachedCost => _cache.Cost;

    /// <inheritdoc/>
    public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken) =>
        ResolveAsync(name, type, yields: false, cancellationToken);

    private ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, bool yields, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(name);
        var question = new DnsQuestion(Normal(name), type);
        if (_cache.TryGet(question, out var kept))
        {
            return new(kept);
        }

        if (!FitsOnWire(question.Name))
        {
            // A name that can't be asked for can't exist either.
            return new(new DnsAnswer { Status = DnsStatus.NameError, Detail = "not a name that the DNS can hold" });
        }

        if (_flights.TryGetValue(question, out var shared))
        {
            return new(shared.WaitAsync(cancellationToken));
        }

        var network = yields ? AskingNetwork.Current : null;
        if (yields && (Volatile.Read(ref _underWay) * YieldingShare >= _options.MaxConcurrent || !_yieldingShares.TryEnter(network)))
        {
            return new(TooMany);
        }

        var flight = new TaskCompletionSource<DnsAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        shared = _flights.GetOrAdd(question, flight.Task);
        if (ReferenceEquals(shared, flight.Task))
        {
            _ = FlyAsync(question, flight, network);
        }
        else
        {
            _yieldingShares.Leave(network);
        }

        return new(shared.WaitAsync(cancellationToken));
    }

    private async Task FlyAsync(DnsQuestion question, TaskCompletionSource<DnsAnswer> flight, AskingNetwork? network)
    {
        try
        {
            DnsAnswer? answer;
            try
            {
                // The one that came between our look into the cache and the start of this flight may have landed.
                if (!_cache.TryGet(question, out answer))
                {
                    answer = await LookUpInTurnAsync(question).ConfigureAwait(false);
                }
            }
            finally
            {
                _yieldingShares.Leave(network);
            }

            flight.SetResult(answer);
        }
        catch (Exception fault)
        {
            flight.SetException(fault); // a bug: those who wait see it
        }
        finally
        {
            _flights.TryRemove(new(question, flight.Task));
        }
    }

    private async Task<DnsAnswer> LookUpInTurnAsync(DnsQuestion question)
    {
        if (Interlocked.Increment(ref _underWay) > _options.MaxConcurrent * (long)(MaxWaiting + 1))
        {
            Interlocked.Decrement(ref _underWay);
            return TooMany;
        }

        try
        {
            using var deadline = new CancellationTokenSource(_options.Timeout, _time);
            try
            {
                await _turns.WaitAsync(deadline.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return new() { Status = DnsStatus.Timeout, Detail = "too many look-ups under way" };
            }

            try
            {
                var answer = await LookUpAsync(question, deadline.Token).ConfigureAwait(false);
                _cache.Put(question, answer);
                return answer;
            }
            finally
            {
                _turns.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    private async Task<DnsAnswer> LookUpAsync(DnsQuestion question, CancellationToken deadline)
    {
        var name = question.Name;
        var links = 0;
        var timeToLive = _options.MaxTtl;
        while (true)
        {
            var reading = await AskServersAsync(question with { Name = name }, deadline).ConfigureAwait(false);
            if (reading.TimeToLive < timeToLive)
            {
                timeToLive = reading.TimeToLive;
            }

            if (reading.Status is { } status)
            {
                return new()
                {
                    Status = status,
                    Records = reading.Records,
                    TimeToLive = status is DnsStatus.ServerFailure or DnsStatus.Timeout ? FailureAge : timeToLive,
                    Detail = reading.Detail,
                };
            }

            // The server gave only the beginning of the chain: the end has to be asked for.
            links += reading.Links;
            if (links > MaxChain || !FitsOnWire(reading.End))
            {
                return new() { Status = DnsStatus.ServerFailure, TimeToLive = FailureAge, Detail = "CNAME chain without end" };
            }

            name = reading.End;
        }
    }

    private async Task<AnswerReading> AskServersAsync(DnsQuestion question, CancellationToken deadline)
    {
        // One that has refused is not asked again; one that was silent is.
        List<int> order = [.. Enumerable.Range(Volatile.Read(ref _preferred), _servers.Length).Select(i => i % _servers.Length)];
        var problem = AnswerReading.Failure(DnsStatus.Timeout, "no answer in time");
        for (int attempt = 0, turn = 0; attempt < _options.Attempts && order.Count > 0 && !deadline.IsCancellationRequested; attempt++)
        {
            turn %= order.Count;
            var index = order[turn];
            var server = _servers[index];
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline);
            using var timer = _time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), limit, _options.AttemptTimeout, Timeout.InfiniteTimeSpan);
            try
            {
                var reply = await server.AskAsync(question.Name, question.Type, limit.Token).ConfigureAwait(false);
                var reading = reply.Response is null
                    ? AnswerReading.Failure(DnsStatus.ServerFailure, reply.Error)
                    : AnswerReading.Of(reply.Response, question, _options.MaxNegativeTtl);
                if (reading.Status is not DnsStatus.ServerFailure)
                {
                    Volatile.Write(ref _preferred, index);
                    return reading;
                }

                order.RemoveAt(turn);
                problem = reading with { Detail = $"{server.Endpoint}: {reading.Detail}" };
            }
            catch (OperationCanceledException)
            {
                turn++;
                if (problem.Status is DnsStatus.Timeout)
                {
                    problem = AnswerReading.Failure(DnsStatus.Timeout, string.Create(CultureInfo.InvariantCulture, $"{server.Endpoint}: no answer in time"));
                }
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                order.RemoveAt(turn);
                problem = AnswerReading.Failure(DnsStatus.ServerFailure, $"{server.Endpoint}: {e.Message}");
            }
        }

        return problem;
    }

    private static string Normal(string name)
    {
        if (name.Length > 1 && name[^1] == '.')
        {
            name = name[..^1];
        }

        return name.AsSpan().ContainsAny(UpperCase) ? name.ToLowerInvariant() : name;
    }

    private static bool FitsOnWire(string name)
    {
        Span<byte> query = stackalloc byte[DnsQuery.MaxLength];
        return DnsQuery.TryWrite(query, name, DnsRecordType.A, mixCase: false, edns: false, out _, out _);
    }

    private sealed class PastCache(DnsResolver resolver) : IDnsResolver
    {
        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(name);
            var question = new DnsQuestion(Normal(name), type);
            return FitsOnWire(question.Name)
                ? new(resolver.LookUpInTurnAsync(question).WaitAsync(cancellationToken))
                : resolver.ResolveAsync(name, type, cancellationToken);
        }
    }

    private sealed class YieldingResolver(DnsResolver resolver) : IDnsResolver
    {
        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken) =>
            resolver.ResolveAsync(name, type, yields: true, cancellationToken);
    }
}
