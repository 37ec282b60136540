using System.Text.Json.Serialization;
using Mailkey.Contracts;
using RabbitMQ.Client;

namespace Mailkey.Messaging.Verdicts;

/// <summary>
/// What both ends of the verdict request agree on. It runs on RabbitMQ.Client itself: a request is worth nothing once its
/// SMTP client has gone, so it needs no durable queue, no confirm and no envelope, and its round trip is what the sender
/// of a mail waits for.
/// </summary>
internal static class VerdictProtocol
{
    /// <summary>Verifiers compete for this queue.</summary>
    public const string Queue = "verdict-requests";

    /// <summary>RabbitMQ's pseudo-queue for replies: no declaration, no store, gone with its channel.</summary>
    public const string ReplyTo = "amq.rabbitmq.reply-to";

    /// <summary>Requests that wait in the queue; beyond it the oldest are dropped, their clients get 451 anyway.</summary>
    private const int MaxQueued = 10_000;

    /// <summary>
    /// Cancels when the channel ends, whatever ended it. The broker closes a channel alone for a message that it finds too large
    /// or unanswered for too long: the connection lives on, and nobody would notice that nothing comes any more.
    /// </summary>
    public static void CancelWith(IChannel channel, CancellationTokenSource ended) => channel.ChannelShutdownAsync += (_, _) => ended.CancelAsync();

    // Durable, because RabbitMQ 4 wants no transient shared queues; its messages are not.
    public static Task DeclareAsync(IChannel channel, CancellationToken cancellationToken) =>
        channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false,
            new Dictionary<string, object?> { ["x-max-length"] = MaxQueued }, cancellationToken: cancellationToken);
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MessageReceivedBatch))]
[JsonSerializable(typeof(MessageVerifiedBatch))]
internal sealed partial class VerdictJson : JsonSerializerContext;
