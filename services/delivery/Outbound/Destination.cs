using Mailkey.Delivery.Routing;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Logging;

namespace Mailkey.Delivery.Outbound;

/// <summary>Takes transactions for one next hop.</summary>
internal interface IDestination
{
    /// <summary>Queues a transaction; its outcomes come through it. False when the destination has ended meanwhile.</summary>
    bool TryAdd(OutgoingTransaction transaction);
}

/// <summary>
/// An SMTP or LMTP next hop with its connections. A worker owns one connection and carries what is queued over it; workers
/// come with the work, the first alone, then as many as the limit allows, and go with their connection when nothing comes for a
/// while. A host that refuses one more connection beside others has a lower limit for a time. One that can't be reached at all is
/// left alone, and then tried by one worker before all of them return.
/// </summary>
internal sealed class Destination : IDestination
{
    // Beyond this the destination is slower than its mail; what comes waits in the saga and not in memory.
    private const int MaxQueue = 1000;

    // Many dead addresses must not hold a message for hours.
    private static readonly TimeSpan LongestConnect = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    // How long a host that took only so many connections is not asked for more.
    private static readonly TimeSpan LimitAge = TimeSpan.FromMinutes(5);

    private readonly NextHop _nextHop;
    private readonly ExchangerLookup _lookup;
    private readonly DeliveryOptions _options;
    private readonly string _ownName;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationToken _stop;
    private readonly Action<Destination> _ended;
    private readonly ExchangerConnections? _places;
    private readonly Lock _gate = new();
    private readonly Queue<OutgoingTransaction> _queue = new();
    private readonly Stack<TaskCompletionSource<OutgoingTransaction>> _idle = new();
    private int _workers;
    private int _serving;
    private int _limit;
    private DateTimeOffset _limitedUntil;
    private bool _hasEnded;
    private Finding? _problem;
    private DateTimeOffset _pausedUntil;
    private TimeSpan _pause;

    public Destination(
        NextHop nextHop, ExchangerLookup lookup, DeliveryOptions options, string ownName, TimeProvider time, ILogger logger, Action<Destination> ended, ExchangerConnections places,
        CancellationToken stopping)
    {
        _nextHop = nextHop;
        _lookup = lookup;
        _options = options;
        _ownName = ownName;
        _time = time;
        _logger = logger;
        _ended = ended;

        // The hosts of the configuration are few, and their mail never waits for that of strangers.
        _places = nextHop.Kind == NextHopKind.MailExchangers ? places : null;
        _stop = stopping;
    }

    public NextHop NextHop => _nextHop;

    public bool TryAdd(OutgoingTransaction transaction)
    {
        Finding? refusal;
        lock (_gate)
        {
            if (_hasEnded)
            {
                return false;
            }

            if (_idle.TryPop(out var worker))
            {
                worker.SetResult(transaction);
                return true;
            }

            refusal = _problem is not null && _time.GetUtcNow() < _pausedUntil ? _problem
                : _queue.Count >= MaxQueue ? Finding.Temporary("4.4.5", "too many messages wait for this host")
                : null;
            if (refusal is null)
            {
                if (_workers < MaxWorkers())
                {
                    TryStartWorker();
                }

                if (_workers > 0)
                {
                    _queue.Enqueue(transaction);
                }
                else
                {
                    refusal = Finding.Temporary("4.4.5", "too many hosts are being delivered to");
                    EndUnlessRemembered();
                }
            }
        }

        if (refusal is not null)
        {
            Refuse(transaction, refusal);
        }

        return true;
    }

    /// <summary>Forgets an unreachable host that nobody asks for.</summary>
    public void EndIfUnused()
    {
        lock (_gate)
        {
            if (_workers == 0 && !_hasEnded)
            {
                _hasEnded = true;
                _ended(this);
            }
        }
    }

    private async Task WorkAsync()
    {
        await using var line = new Line(this);
        while (await NextAsync(line) is { } transaction)
        {
            if (!transaction.TryStart())
            {
                continue;
            }

            try
            {
                await CarryAsync(line, transaction);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                transaction.Cancel(_stop);
            }
            catch (Exception e)
            {
                // A fault of ours, or a damaged content: whoever gave us the transaction decides, and the connection is suspect.
                transaction.Fault(e);
                await line.DropAsync();
            }
        }
    }

    // The next transaction; null when the worker is not needed any more.
    private async ValueTask<OutgoingTransaction?> NextAsync(Line line)
    {
        TaskCompletionSource<OutgoingTransaction> worker;
        lock (_gate)
        {
            if (!line.IsSurplus && _queue.TryDequeue(out var next))
            {
                return next;
            }

            if (line.Connection is null || _stop.IsCancellationRequested)
            {
                return Leave(line);
            }

            worker = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _idle.Push(worker);
        }

        try
        {
            return await worker.Task.WaitAsync(_options.IdleConnection, _time, _stop);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            lock (_gate)
            {
                if (!worker.Task.IsCompleted)
                {
                    var others = _idle.Where(other => other != worker).Reverse().ToArray();
                    _idle.Clear();
                    foreach (var other in others)
                    {
                        _idle.Push(other);
                    }

                    return Leave(line);
                }
            }

            return await worker.Task;
        }
    }

    // Under the lock.
    private OutgoingTransaction? Leave(Line line)
    {
        line.StopServing();
        _workers--;
        _places?.Release();
        EndUnlessRemembered();
        return null;
    }

    // Under the lock. What is known of an unreachable host outlives its workers.
    private void EndUnlessRemembered()
    {
        if (_workers == 0 && (_problem is null || _stop.IsCancellationRequested))
        {
            _hasEnded = true;
            _ended(this);
        }
    }

    // Under the lock.
    private bool TryStartWorker()
    {
        if (_places?.TryTake() == false)
        {
            return false;
        }

        _workers++;
        _ = Task.Run(WorkAsync, CancellationToken.None);
        return true;
    }

    private async Task CarryAsync(Line line, OutgoingTransaction transaction)
    {
        while (true)
        {
            if (line.Connection is { IsReusable: false })
            {
                // Until it is over the host may count it among those that it takes from us.
                await line.QuitAsync();
            }

            if (line.Connection is null)
            {
                var (opened, problem) = await ConnectAsync();
                if (opened is null)
                {
                    line.IsSurplus = TryLeaveToOthers(line, transaction, problem!);
                    if (!line.IsSurplus)
                    {
                        NoteProblem(problem!);
                        transaction.Complete(transaction.All(problem!, _nextHop.ToString(), null, _time.GetUtcNow()));
                    }

                    return;
                }

                line.Take(opened);
                NoteSuccess();
            }

            var outcomes = await line.Connection!.CarryAsync(transaction);
            if (outcomes is not null)
            {
                transaction.Complete(outcomes);
                return;
            }

            // The server had closed it while it was idle: no fault of the message, so it does not wait.
            await line.DropAsync();
        }
    }

    private async Task<(SmtpConnection? Connection, Finding? Problem)> ConnectAsync()
    {
        var (addresses, problem) = await _lookup.FindAsync(_nextHop, _stop);
        var begun = _time.GetTimestamp();
        foreach (var address in addresses)
        {
            if (_time.GetElapsedTime(begun) > LongestConnect)
            {
                break;
            }

            (var connection, problem) = await SmtpConnection.OpenAsync(address, _nextHop.Kind == NextHopKind.Lmtp, _ownName, _options, _time, _stop);
            if (connection is null)
            {
                _logger.LogDebug("{NextHop}: {Problem}", _nextHop, problem!.Text);
                continue;
            }

            if (_nextHop.Kind == NextHopKind.MailExchangers && string.Equals(connection.Ehlo.Domain, _ownName, StringComparison.OrdinalIgnoreCase))
            {
                // Whatever DNS says: the host that answers is this one.
                await connection.QuitAsync();
                problem = Finding.Permanent("5.4.6", $"mail for {_nextHop} loops back to this host");
                continue;
            }

            return (connection, null);
        }

        return (null, problem);
    }

    private void NoteSuccess()
    {
        lock (_gate)
        {
            _problem = null;
            _pause = TimeSpan.Zero;
            _limit = Math.Max(_limit, _serving);

            // One for each that waits, less those that are about to connect.
            while (_workers - _serving < _queue.Count && _workers < MaxWorkers() && TryStartWorker())
            {
                // One more.
            }
        }
    }

    // Under the lock.
    private int MaxWorkers() => _serving == 0 ? 1 : _time.GetUtcNow() < _limitedUntil ? _limit : _options.MaxConnectionsPerDestination;

    // A host that takes mail over other connections is not dead. Many take only so many from one client, and those are enough.
    private bool TryLeaveToOthers(Line line, OutgoingTransaction transaction, Finding problem)
    {
        lock (_gate)
        {
            line.StopServing();
            if (_serving == 0)
            {
                return false;
            }

            _limit = _serving;
            _limitedUntil = _time.GetUtcNow() + LimitAge;
            _logger.LogInformation("{NextHop} takes {Connections} connections and no more: {Problem}", _nextHop, _serving, problem.Text);
            transaction.Postpone();
            if (_idle.TryPop(out var worker))
            {
                worker.SetResult(transaction);
            }
            else
            {
                // Whoever serves comes to it after what he carries now.
                _queue.Enqueue(transaction);
            }

            return true;
        }
    }

    // Those who queue behind a dead host would each wait for its time-out.
    private void NoteProblem(Finding problem)
    {
        OutgoingTransaction[] waiting;
        lock (_gate)
        {
            if (_problem is null)
            {
                _logger.LogInformation("{NextHop} can't be reached: {Problem}", _nextHop, problem.Text);
            }

            var now = _time.GetUtcNow();
            if (now >= _pausedUntil)
            {
                _pause = _pause == TimeSpan.Zero ? FirstPause : TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, LongestPause.Ticks));
                _pausedUntil = now + _pause;
            }

            _problem = problem;
            waiting = [.. _queue];
            _queue.Clear();
        }

        foreach (var transaction in waiting)
        {
            Refuse(transaction, problem);
        }
    }

    private void Refuse(OutgoingTransaction transaction, Finding finding) =>
        transaction.TryWithdraw(transaction.All(finding, _nextHop.ToString(), null, _time.GetUtcNow()));

    /// <summary>The connection of one worker, at most one at a time, and ended with it.</summary>
    private sealed class Line(Destination destination) : IAsyncDisposable
    {
        private bool _isServing;

        public SmtpConnection? Connection { get; private set; }

        /// <summary>The host takes no connection beside those of others: this worker is one too many.</summary>
        public bool IsSurplus { get; set; }

        /// <summary>
        /// From now on the worker serves: it comes back to the queue, also when it has to connect again meanwhile, or sees to what is in the
        /// queue when it can't. So others may leave their mail to it.
        /// </summary>
        public void Take(SmtpConnection connection)
        {
            Connection = connection;
            lock (destination._gate)
            {
                destination._serving += _isServing ? 0 : 1;
                _isServing = true;
            }
        }

        /// <summary>Nobody may leave his mail to this worker any more.</summary>
        public void StopServing()
        {
            lock (destination._gate)
            {
                destination._serving -= _isServing ? 1 : 0;
                _isServing = false;
            }
        }

        /// <summary>Ends the connection politely.</summary>
        public Task QuitAsync() => Forget()?.QuitAsync() ?? Task.CompletedTask;

        /// <summary>Ends the connection at once.</summary>
        public ValueTask DropAsync() => Forget()?.DisposeAsync() ?? ValueTask.CompletedTask;

        public async ValueTask DisposeAsync() => await QuitAsync();

        private SmtpConnection? Forget()
        {
            var connection = Connection;
            Connection = null;
            return connection;
        }
    }
}
