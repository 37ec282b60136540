using System.Text.Json.Serialization;
using Mailkey.Contracts.Agreements;
using RabbitMQ.Client;

namespace Mailkey.Messaging.Agreements;

/// <summary>
/// What both ends of a look-up agree on. It runs on RabbitMQ.Client itself, as the request for a verdict does: somebody waits for the answer
/// in an SMTP session, and a question is worth nothing once that one has gone.
/// </summary>
internal static class AgreementProtocol
{
    /// <summary>Replicas of the agreements service compete for this queue.</summary>
    public const string Queue = "agreement-lookups";

    /// <summary>Every replica of ingress and verifier binds a queue of its own to it, which goes when the replica goes.</summary>
    public const string Changes = "agreements-changed";

    /// <summary>RabbitMQ's pseudo-queue for replies.</summary>
    public const string ReplyTo = "amq.rabbitmq.reply-to";

    /// <summary>Keys of one question.</summary>
    public const int MaxKeys = 200;

    /// <summary>Questions that wait in the queue; beyond it the oldest are dropped, whoever asked has given up by then.</summary>
    private const int MaxQueued = 10_000;

    // Durable, because RabbitMQ 4 wants no transient shared queues; its messages are not.
    public static Task DeclareQueueAsync(IChannel channel, CancellationToken cancellationToken) =>
        channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false,
            new Dictionary<string, object?> { ["x-max-length"] = MaxQueued }, cancellationToken: cancellationToken);

    public static Task DeclareChangesAsync(IChannel channel, CancellationToken cancellationToken) =>
        channel.ExchangeDeclareAsync(Changes, ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken);
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(FindAgreements))]
[JsonSerializable(typeof(AgreementsFound))]
[JsonSerializable(typeof(AgreementsChanged))]
internal sealed partial class AgreementJson : JsonSerializerContext;
