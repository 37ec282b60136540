using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Mailkey.Messaging.Verdicts;

/// <summary>Keeps one connection to the broker and says when it comes and goes.</summary>
internal sealed class BrokerLink(BrokerArrival broker, IOptions<MailkeyOptions> options, ServiceIdentity identity, TimeProvider time, ILogger<BrokerLink> logger)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Connects, runs <paramref name="use"/> until the connection is lost, and begins again; ends when cancelled.
    /// A new connection instead of the client's own recovery: what was under way on the old one is void, and both ends
    /// want to know at once.
    /// </summary>
    public async Task RunAsync(string purpose, Func<IConnection, CancellationToken, Task> use, CancellationToken stop)
    {
        var rabbit = options.Value.RabbitMq;
        var factory = new ConnectionFactory
        {
            Uri = new Uri(rabbit.Uri),
            AutomaticRecoveryEnabled = false,
            RequestedHeartbeat = rabbit.Heartbeat,
            ClientProvidedName = $"{identity.Instance} {purpose}",
            ConsumerDispatchConcurrency = 2,
        };
        var announced = false;
        try
        {
            await broker.WaitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await factory.CreateConnectionAsync(stop);
                using var lost = CancellationTokenSource.CreateLinkedTokenSource(stop);
                connection.ConnectionShutdownAsync += (_, _) => lost.CancelAsync();
                logger.LogInformation("Connected to the broker for {Purpose}", purpose);
                announced = false;
                await use(connection, lost.Token);
            }
            catch (OperationCanceledException)
            {
                // Lost or stopped; the loop tells which.
            }
            catch (Exception e) when (e is BrokerUnreachableException or OperationInterruptedException or AlreadyClosedException or IOException)
            {
                if (!announced)
                {
                    announced = true;
                    logger.LogWarning("No broker for {Purpose}: {Reason}; trying again every {Seconds} s", purpose, (e.InnerException ?? e).Message, RetryInterval.TotalSeconds);
                }
            }

            try
            {
                await Task.Delay(RetryInterval, time, stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
