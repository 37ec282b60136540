using System.Net.Sockets;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Mailkey.Messaging;

/// <summary>
/// Waits for a broker that is not up yet. A service that starts together with its broker makes all of itself ready meanwhile, and
/// says one line instead of a failed connection after the other. Once the broker has been there, whoever uses it sees for himself.
/// </summary>
internal sealed class BrokerArrival(IOptions<MailkeyOptions> options, TimeProvider time, ILogger<BrokerArrival> logger) : IDisposable
{
    /// <summary>The port when the address names none: AMQP 0-9-1 §4.9, and what IANA registered for it over TLS.</summary>
    private const int Port = 5672, PortWithTls = 5671;

    /// <summary>Time in which a broker comes up; beyond it something is wrong, and is asked for less often.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LatePause = TimeSpan.FromSeconds(1);

    /// <summary>Least time between two complaints.</summary>
    private static readonly TimeSpan ComplaintInterval = TimeSpan.FromMinutes(1);

    /// <summary>An attempt at an address that swallows what it gets.</summary>
    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource disposed = new();
    private readonly Lock gate = new();
    private Task? arrival;

    /// <summary>Returns when the broker has taken a connection since this process started; at once when it had before.</summary>
    /// <exception cref="OperationCanceledException">The caller, or the whole process, gave up.</exception>
    public Task WaitAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            arrival ??= AwaitAsync(disposed.Token);
        }

        return arrival.WaitAsync(cancellationToken);
    }

    public void Dispose()
    {
        disposed.Cancel();
        disposed.Dispose();
    }

    private async Task AwaitAsync(CancellationToken stop)
    {
        var address = new Uri(options.Value.RabbitMq.Uri);
        var port = address.Port > 0 ? address.Port : address.Scheme == "amqps" ? PortWithTls : Port;
        var started = time.GetTimestamp();
        var announced = false;
        var complaint = Patience;
        while (await TryConnectAsync(address.IdnHost, port, stop) is { } reason)
        {
            if (!announced)
            {
                announced = true;
                logger.LogInformation("Waiting for RabbitMQ at {Host}:{Port}", address.Host, port);
            }

            var waited = time.GetElapsedTime(started);
            if (waited >= complaint)
            {
                complaint = waited + ComplaintInterval;
                logger.LogWarning("No RabbitMQ at {Host}:{Port} for {Seconds} s: {Reason}; still waiting", address.Host, port, (int)waited.TotalSeconds, reason);
            }

            await Task.Delay(waited < Patience ? Pause : LatePause, time, stop);
        }

        if (announced)
        {
            logger.LogInformation("RabbitMQ answers at {Host}:{Port}", address.Host, port);
        }
    }

    // Whether it speaks AMQP, and lets us in, shows when it is used. This is only about there being somebody.
    private async Task<string?> TryConnectAsync(string host, int port, CancellationToken stop)
    {
        using var timeout = new CancellationTokenSource(AttemptTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(host, port, either.Token);
            return null;
        }
        catch (SocketException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return "no answer";
        }
    }
}
