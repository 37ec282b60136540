using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Mailkey.Testkit.Infrastructure;

/// <summary>A queue that may not be there yet, such as one for errors, which is made with its first message.</summary>
public static class BrokerQueue
{
    /// <summary>Takes the next message off the queue, as soon as there is one.</summary>
    /// <exception cref="TimeoutException">None came within half a minute.</exception>
    public static async Task<byte[]> TakeAsync(string uri, string queue, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        for (var tries = 0; tries < 1500; tries++)
        {
            // The broker ends the connection of who asks in the moment in which the queue is made.
            try
            {
                await using var connection = await new ConnectionFactory { Uri = new Uri(uri) }.CreateConnectionAsync(stop);
                await using var channel = await connection.CreateChannelAsync(cancellationToken: stop);
                if (await channel.BasicGetAsync(queue, autoAck: true, stop) is { } message)
                {
                    return message.Body.ToArray();
                }
            }
            catch (OperationInterruptedException)
            {
                // Not there yet
            }

            await timer.WaitForNextTickAsync(stop);
        }

        throw new TimeoutException($"Nothing came into {queue}.");
    }
}
