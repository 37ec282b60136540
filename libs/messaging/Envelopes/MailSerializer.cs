using System.Diagnostics.CodeAnalysis;
using System.Net.Mime;
using System.Runtime.Serialization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using MassTransit;
using MassTransit.Serialization;

namespace Mailkey.Messaging.Envelopes;

/// <summary>
/// MassTransit's JSON serializer, with a short way for the two contracts of which every mail makes one: written in one pass and
/// read in one, where the general way goes by a document in between. They are shorter, too.
/// All other messages, and theirs when they carry headers, go the general way; the form is the same.
/// </summary>
internal sealed class MailSerializer : IMessageSerializer, IMessageDeserializer, ISerializerFactory
{
    private static readonly SystemTextJsonMessageSerializer General = SystemTextJsonMessageSerializer.Instance;

    public ContentType ContentType => SystemTextJsonMessageSerializer.JsonContentType;

    public IMessageSerializer CreateSerializer() => this;

    public IMessageDeserializer CreateDeserializer() => this;

    public MessageBody GetMessageBody<T>(SendContext<T> context)
        where T : class =>
        MailEnvelope.TryGetJson<T>(out var json) && !context.Headers.GetAll().Any() ? new Body<T>(context, json) : General.GetMessageBody(context);

    public MessageBody GetMessageBody(string text) => General.GetMessageBody(text);

    public ConsumeContext Deserialize(ReceiveContext receiveContext) =>
        new BodyConsumeContext(receiveContext, Deserialize(receiveContext.Body, receiveContext.TransportHeaders, receiveContext.InputAddress));

    public SerializerContext Deserialize(MessageBody body, Headers headers, Uri? destinationAddress = null)
    {
        var octets = body.GetBytes();
        try
        {
            return TypeOf(octets) switch
            {
                nameof(MessageAcceptedBatch) => Read<MessageAcceptedBatch>(body, octets, headers, destinationAddress),
                nameof(JournalEntries) => Read<JournalEntries>(body, octets, headers, destinationAddress),
                _ => General.Deserialize(body, headers, destinationAddress),
            };
        }
        catch (JsonException e)
        {
            throw new SerializationException("The message cannot be read.", e);
        }
    }

    public void Probe(ProbeContext context) => General.Probe(context);

    // Null: not written by this class.
    private static string? TypeOf(ReadOnlySpan<byte> octets)
    {
        var reader = new Utf8JsonReader(octets);
        return reader.Read() && reader.Read() && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("messageType"u8)
            && reader.Read() && reader.Read() && reader.TokenType == JsonTokenType.String
            ? reader.ValueTextEquals(MailEnvelope.TypesOf<MessageAcceptedBatch>()[0]) ? nameof(MessageAcceptedBatch)
            : reader.ValueTextEquals(MailEnvelope.TypesOf<JournalEntries>()[0]) ? nameof(JournalEntries)
            : null
            : null;
    }

    private static ReadContext<T> Read<T>(MessageBody body, byte[] octets, Headers headers, Uri? destinationAddress)
        where T : class
    {
        if (!MailEnvelope.TryGetJson<T>(out var json) || JsonSerializer.Deserialize(octets, json) is not { Message: not null } envelope)
        {
            throw new JsonException("There is no message.");
        }

        var context = new JsonMessageEnvelope
        {
            MessageId = envelope.MessageId?.ToString(),
            ConversationId = envelope.ConversationId?.ToString(),
            SentTime = envelope.SentTime,
            MessageType = envelope.MessageType,
            DestinationAddress = destinationAddress?.ToString(),
        };
        return new(envelope.Message, new EnvelopeMessageContext(context, General), () => General.Deserialize(body, headers, destinationAddress));
    }

    /// <summary>A message on its way out.</summary>
    private sealed class Body<T>(SendContext<T> context, JsonTypeInfo<MailEnvelope<T>> json) : MessageBody
        where T : class
    {
        private byte[]? octets;

        public long? Length => octets?.Length;

        public byte[] GetBytes() => octets ??= JsonSerializer.SerializeToUtf8Bytes(
            new()
            {
                MessageType = MailEnvelope.TypesOf<T>(),
                MessageId = context.MessageId,
                ConversationId = context.ConversationId,
                SentTime = context.SentTime,
                Message = context.Message,
            },
            json);

        public Stream GetStream() => new MemoryStream(GetBytes(), writable: false);

        public string GetString() => Encoding.UTF8.GetString(GetBytes());
    }

    /// <summary>A message that came in. What is seldom asked (to send it on as it is) is left to the general way.</summary>
    private sealed class ReadContext<TContract>(TContract message, MessageContext context, Func<SerializerContext> general)
        : BaseSerializerContext(General, context, MailEnvelope.TypesOf<TContract>())
        where TContract : class
    {
        public override bool TryGetMessage<T>(out T? asked)
            where T : class => (asked = message as T) is not null;

        public override bool TryGetMessage(Type messageType, [NotNullWhen(true)] out object? asked) =>
            (asked = messageType.IsInstanceOfType(message) ? message : null) is not null;

        public override IMessageSerializer GetMessageSerializer() => general().GetMessageSerializer();

        public override IMessageSerializer GetMessageSerializer<T>(MessageEnvelope envelope, T message) => general().GetMessageSerializer(envelope, message);

        public override IMessageSerializer GetMessageSerializer(object message, string[] messageTypes) => general().GetMessageSerializer(message, messageTypes);

        public override Dictionary<string, object> ToDictionary<T>(T? message)
            where T : class => general().ToDictionary(message);
    }
}
