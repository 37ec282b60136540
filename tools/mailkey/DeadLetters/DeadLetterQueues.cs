using Mailkey.Messaging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Mailkey.Tool.DeadLetters;

/// <summary>The queues of messages that nobody could take. Looking at them takes nothing away.</summary>
internal sealed class DeadLetterQueues(IConnection connection)
{
    /// <summary>
    /// Every look counts as a delivery, and at the delivery limit (20 here and in RabbitMQ 4) a quorum queue lets go of the
    /// message. From this count on a look replaces the message by a copy, whose count begins anew.
    /// </summary>
    private const long RenewAt = 10;

    private static readonly string[] Suffixes = ["_error", "_skipped"];

    /// <summary>Headers about the failure, which the message must not carry into its next life.</summary>
    private static readonly string[] FaultHeaders = ["MT-Fault-", "MT-Reason", "x-death", "x-first-death-", "x-last-death-", "x-delivery-count"];

    /// <summary>The queues that exist, with the number of their messages.</summary>
    /// <param name="more">Queues to look at besides those of the system.</param>
    public async Task<IReadOnlyList<(string Queue, uint Messages)>> QueuesAsync(IEnumerable<string> more, CancellationToken cancellationToken)
    {
        List<(string, uint)> queues = [];
        var names = DurableQueue.All.SelectMany(queue => Suffixes.Select(suffix => queue + suffix)).Append(DurableQueue.DeadLetters).Concat(more);
        foreach (var name in names.Distinct(StringComparer.Ordinal))
        {
            // The broker closes a channel that asks for a queue which is not there.
            await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
            try
            {
                var queue = await channel.QueueDeclarePassiveAsync(name, cancellationToken);
                queues.Add((name, queue.MessageCount));
            }
            catch (OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == Constants.NotFound)
            {
                // No message has ever come there.
            }
        }

        return queues;
    }

    /// <summary>
    /// Walks through the messages of a queue. Those that <paramref name="take"/> handles are removed, the others stay where they were.
    /// </summary>
    /// <param name="queue">The queue.</param>
    /// <param name="atMost">Messages looked at.</param>
    /// <param name="take">True when the message has been dealt with.</param>
    public async Task WalkAsync(
        string queue, int atMost, Func<DeadLetter, IChannel, CancellationToken, Task<bool>> take, CancellationToken cancellationToken)
    {
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        List<ulong> keep = [];
        List<BasicGetResult> renew = [];
        try
        {
            for (var i = 0; i < atMost && await channel.BasicGetAsync(queue, autoAck: false, cancellationToken) is { } message; i++)
            {
                var letter = new DeadLetter(queue, message);
                if (await take(letter, channel, cancellationToken))
                {
                    await channel.BasicAckAsync(message.DeliveryTag, multiple: false, CancellationToken.None);
                }
                else if (letter.DeliveryCount >= RenewAt)
                {
                    renew.Add(message);
                }
                else
                {
                    keep.Add(message.DeliveryTag);
                }
            }
        }
        finally
        {
            // All at the end: what goes back at once would be met again. A connection that breaks gives them back too.
            foreach (var tag in keep)
            {
                await channel.BasicNackAsync(tag, multiple: false, requeue: true, CancellationToken.None);
            }

            foreach (var message in renew)
            {
                await PublishAsync(channel, queue, message, headers => headers.Remove("x-delivery-count"), CancellationToken.None);
                await channel.BasicAckAsync(message.DeliveryTag, multiple: false, CancellationToken.None);
            }
        }
    }

    /// <summary>Publishes a message again to the queue it was meant for; returns when the broker has confirmed it.</summary>
    /// <exception cref="PublishException">The queue is not there; the dead letter stays.</exception>
    public static Task RedeliverAsync(IChannel channel, string queue, BasicGetResult message, CancellationToken cancellationToken) =>
        PublishAsync(channel, queue, message, Forget, cancellationToken);

    private static void Forget(IDictionary<string, object?> headers)
    {
        foreach (var name in headers.Keys.Where(name => Array.Exists(FaultHeaders, fault => name.StartsWith(fault, StringComparison.Ordinal))).ToList())
        {
            headers.Remove(name);
        }
    }

    private static async Task PublishAsync(
        IChannel channel, string queue, BasicGetResult message, Action<IDictionary<string, object?>> change, CancellationToken cancellationToken)
    {
        var properties = new BasicProperties(message.BasicProperties)
        {
            Headers = new Dictionary<string, object?>(message.BasicProperties.Headers ?? new Dictionary<string, object?>(), StringComparer.Ordinal),
        };
        change(properties.Headers);

        // By the default exchange straight into that queue: the other queues that once got a copy have dealt with theirs.
        await channel.BasicPublishAsync(exchange: "", routingKey: queue, mandatory: true, properties, message.Body, cancellationToken);
    }
}
