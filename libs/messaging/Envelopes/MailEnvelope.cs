using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using MassTransit;

namespace Mailkey.Messaging.Envelopes;

/// <summary>
/// MassTransit's JSON envelope with what is needed of it. The type comes first, so that a reader knows how to read the message
/// before it gets there.
/// </summary>
internal sealed record MailEnvelope<T>
    where T : class
{
    [JsonPropertyOrder(-1)]
    public required string[] MessageType { get; init; }

    public Guid? MessageId { get; init; }

    public Guid? ConversationId { get; init; }

    public DateTime? SentTime { get; init; }

    public required T Message { get; init; }
}

/// <summary>How a contract that every mail needs is written and read; null for all others.</summary>
internal static class MailEnvelope
{
    /// <summary>The URNs under which a type is known, as MassTransit writes them.</summary>
    public static string[] TypesOf<T>()
        where T : class => Types<T>.Urns;

    public static bool TryGetJson<T>([NotNullWhen(true)] out JsonTypeInfo<MailEnvelope<T>>? json)
        where T : class => (json = Types<T>.Json) is not null;

    private static class Types<T>
        where T : class
    {
        public static readonly string[] Urns = [MessageUrn.ForTypeString<T>()];
        public static readonly JsonTypeInfo<MailEnvelope<T>>? Json = MailJson.Default.GetTypeInfo(typeof(MailEnvelope<T>)) as JsonTypeInfo<MailEnvelope<T>>;
    }
}

/// <summary>Names and forms are those that MassTransit's own serializer would choose: each reads what the other wrote.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MailEnvelope<MessageAcceptedBatch>))]
[JsonSerializable(typeof(MailEnvelope<JournalEntries>))]
internal sealed partial class MailJson : JsonSerializerContext;
