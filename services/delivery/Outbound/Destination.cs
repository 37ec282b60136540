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
/// come with the work, up to the limit, and go with their connection when nothing comes for a while. A host that can't
/// be reached is left alone for a time, and then tried by one worker before all of them return.
/// </summary>
internal sealed class Destination : IDestination
{
    // Beyond this the destination is slower than its mail; what comes waits in the saga and not in memory.
    private const int MaxQueue = 1000;

    // Many dead addresses must not hold a message for hours.
    private static readonly TimeSpan LongestConnect = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

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

            refusal = _problem is not null && _time.GetUtcNow() < _pausedUntil ? _problem
                : _queue.Count >= MaxQueue ? Finding.Temporary("4.4.5", "too many messages wait for this host")
                : null;
            if (refusal is null)
            {
                if (_idle.TryPop(out var worker))
                {
                    worker.SetResult(transaction);
                    return true;
                }

                if (_workers < (_problem is null ? _options.MaxConnectionsPerDestination : 1))
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
        SmtpConnection? connection = null;
        try
        {
            while (await NextAsync(mayWait: connection is not null) is { } transaction)
            {
                if (!transaction.TryStart())
                {
                    continue;
                }

                try
                {
                    connection = await CarryAsync(connection, transaction);
                }
                catch (OperationCanceledException) when (_stop.IsCancellationRequested)
                {
                    transaction.Cancel(_stop);
                }
                catch (Exception e)
                {
                    // A fault of ours, or a damaged content: whoever gave us the transaction decides, and the connection is suspect.
                    transaction.Fault(e);
                    if (connection is not null)
                    {
                        await connection.DisposeAsync();
                        connection = null;
                    }
                }
            }
        }
        finally
        {
            if (connection is not null)
            {
                await connection.QuitAsync();
            }
        }
    }

    // The next transaction; null when the worker is not needed any more.
    private async ValueTask<OutgoingTransaction?> NextAsync(bool mayWait)
    {
        TaskCompletionSource<OutgoingTransaction> worker;
        lock (_gate)
        {
            if (_queue.TryDequeue(out var next))
            {
                return next;
            }

            if (!mayWait || _stop.IsCancellationRequested)
            {
                return Leave();
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

                    return Leave();
                }
            }

            return await worker.Task;
        }
    }

    // Under the lock.
    private OutgoingTransaction? Leave()
    {
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

    private async Task<SmtpConnection?> CarryAsync(SmtpConnection? connection, OutgoingTransaction transaction)
    {
        while (true)
        {
            if (connection is { IsReusable: false })
            {
                _ = connection.QuitAsync();
                connection = null;
            }

            if (connection is null)
            {
                (connection, var problem) = await ConnectAsync();
                if (connection is null)
                {
                    NoteProblem(problem!);
                    transaction.Complete(transaction.All(problem!, _nextHop.ToString(), null, _time.GetUtcNow()));
                    return null;
                }

                NoteSuccess();
            }

            var outcomes = await connection.CarryAsync(transaction);
            if (outcomes is not null)
            {
                transaction.Complete(outcomes);
                return connection;
            }

            // The server had closed it while it was idle: no fault of the message, so it does not wait.
            await connection.DisposeAsync();
            connection = null;
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
            var wanted = Math.Min(_queue.Count, _options.MaxConnectionsPerDestination);
            while (_workers < wanted && TryStartWorker())
            {
                // One more.
            }
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
}
