using Mailkey.Hosting.Options;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Smtp;

/// <summary>
/// The running sessions. Once a second it looks whose time is over, so that no session needs a timer or a cancellation of its
/// own; at shutdown it lets idle ones go at once and the others when their transaction is done or the grace is over.
/// </summary>
internal sealed class SessionRegistry(IOptions<MailkeyOptions> options, ClientNetworks networks, TimeProvider time, ILogger<SessionRegistry> logger) : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(1);

    /// <summary>Time in which a client has to read the last replies of a session that has ended.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private readonly HashSet<SmtpSession> sessions = [];
    private List<(ConnectionContext Connection, long Since)> lingering = [];
    private readonly CancellationTokenSource stopped = new();
    private ITimer? timer;
    private long drainingSince;
    private long swept;

    public int Count
    {
        get
        {
            lock (gate)
            {
                return sessions.Count;
            }
        }
    }

    /// <summary>Whether the service is being stopped.</summary>
    public bool IsDraining => Volatile.Read(ref drainingSince) != 0;

    /// <summary>Fires when the grace of the shutdown is over.</summary>
    public CancellationToken Stopped => stopped.Token;

    /// <summary>Adds a session unless there are too many.</summary>
    public bool TryAdd(SmtpSession session)
    {
        lock (gate)
        {
            return sessions.Count < options.Value.Smtp.MaxConnections && sessions.Add(session);
        }
    }

    public void Remove(SmtpSession session)
    {
        lock (gate)
        {
            sessions.Remove(session);

            // The transport closes the connection when all is sent, which a client that does not read could put off for ever.
            lingering.Add((session.Connection, time.GetTimestamp()));
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        swept = time.GetTimestamp();
        timer = time.CreateTimer(static state => ((SessionRegistry)state!).Watch(), this, Tick, Tick);
        return Task.CompletedTask;
    }

    // Before the listener closes, which waits for its connections.
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        Volatile.Write(ref drainingSince, Math.Max(1, time.GetTimestamp()));
        Watch();
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        var smtp = options.Value.Smtp;
        SmtpLog.Listening(logger, string.Join(", ", smtp.Listen), smtp.Port);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        timer?.Dispose();
        stopped.Dispose();
    }

    private void Watch()
    {
        var now = time.GetTimestamp();
        var draining = Volatile.Read(ref drainingSince);
        if (draining != 0 && !stopped.IsCancellationRequested && time.GetElapsedTime(draining, now) >= options.Value.Smtp.ShutdownGrace)
        {
            stopped.Cancel();
        }

        // An interrupt may run the session on this thread until its end, so not under the lock.
        List<SmtpSession>? due = null;
        List<(ConnectionContext Connection, long Since)>? ended = null;
        lock (gate)
        {
            if (lingering.Count > 0)
            {
                ended = lingering;
                lingering = [];
            }

            foreach (var session in sessions)
            {
                if (session.IsDue(now, draining != 0, stopped.IsCancellationRequested))
                {
                    (due ??= []).Add(session);
                }
            }
        }

        foreach (var session in due ?? [])
        {
            session.Interrupt(now);
        }

        CutOff(ended, now);
        if (time.GetElapsedTime(swept, now) >= SweepPeriod)
        {
            swept = now;
            networks.Sweep();
        }
    }

    private void CutOff(List<(ConnectionContext Connection, long Since)>? ended, long now)
    {
        ended?.RemoveAll(item => item.Connection.ConnectionClosed.IsCancellationRequested);
        foreach (var item in ended ?? [])
        {
            if (time.GetElapsedTime(item.Since, now) >= Linger)
            {
                item.Connection.Abort();
                continue;
            }

            lock (gate)
            {
                lingering.Add(item);
            }
        }
    }
}
