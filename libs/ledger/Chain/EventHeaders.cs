using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mailkey.Ledger.Chain;

/// <summary>What a ledger keeps about every event besides the event itself.</summary>
public sealed record EventHeaders
{
    /// <summary>Who caused it, such as <c>user:alice@example.org</c>, <c>forwarder:lists.example.net</c>, <c>operator:ann</c> or <c>system:expiry</c>.</summary>
    public required string Actor { get; init; }

    /// <summary>What it answers to: the id of a request or of another event; null when nothing did.</summary>
    public string? Cause { get; init; }

    /// <summary>SHA-256 of the event and of the hash before it, in base64; see <see cref="EventChain"/>.</summary>
    public string? Hash { get; init; }

    /// <summary>Reads stored headers; null when there are none.</summary>
    public static EventHeaders? Read(ReadOnlyMemory<byte> json) =>
        json.IsEmpty ? null : JsonSerializer.Deserialize(json.Span, EventHeadersJson.Default.EventHeaders);

    /// <summary>JSON in UTF-8.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, EventHeadersJson.Default.EventHeaders);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EventHeaders))]
internal sealed partial class EventHeadersJson : JsonSerializerContext;
