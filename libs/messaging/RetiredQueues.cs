using Mailkey.Hosting.Options;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;

namespace Mailkey.Messaging;

/// <summary>
/// Removes the queues that earlier versions had (<see cref="DurableQueue.Retired"/>): they stay bound, and would fill with what
/// nobody reads any more.
/// </summary>
internal sealed class RetiredQueues(BrokerArrival broker, IOptions<MailkeyOptions> options, ILogger<RetiredQueues> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await broker.WaitAsync(stoppingToken);
            await using var connection = await new ConnectionFactory { Uri = new Uri(options.Value.RabbitMq.Uri) }.CreateConnectionAsync(stoppingToken);
            await using var channel = await connection.CreateChannelAsync(cancellationToken: stoppingToken);
            foreach (var queue in DurableQueue.Retired)
            {
                // RabbitMQ has no objection to a queue that is not there.
                if (await channel.QueueDeleteAsync(queue, ifUnused: false, ifEmpty: false, cancellationToken: stoppingToken) is > 0 and var left)
                {
                    logger.LogWarning("Removed queue {Queue} of an earlier version with {Count} bus messages in it", queue, left);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The next start does it.
        }
        catch (Exception e)
        {
            // Whatever it is, a service does not end for it.
            logger.LogWarning("Queues of earlier versions could not be removed, the next start tries again: {Reason}", (e.InnerException ?? e).Message);
        }
    }
}
