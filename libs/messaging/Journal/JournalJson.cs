using System.Text.Json.Serialization;
using Mailkey.Contracts.Journal;

namespace Mailkey.Messaging.Journal;

/// <summary>The JSON of every journal event. Stored for years: names of properties and of events never change.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(AcceptedForDelivery))]
[JsonSerializable(typeof(DeliveryReportSent))]
[JsonSerializable(typeof(DeliveryReportSuppressed))]
[JsonSerializable(typeof(RecipientDeferred))]
[JsonSerializable(typeof(RecipientDelivered))]
[JsonSerializable(typeof(RecipientFailed))]
[JsonSerializable(typeof(RefusalsLeftOut))]
[JsonSerializable(typeof(TransactionRefused))]
public sealed partial class JournalJson : JsonSerializerContext;
