using System.Text.Json;
using System.Text.Json.Serialization;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Callbacks;

/// <summary>What a forwarder is told of one event. It says who did it in the widest sense, and nothing about the user that the forwarder did not propose.</summary>
public sealed record CallbackBody
{
    /// <summary>Of the event; the same one again when it is told again.</summary>
    public required Guid Id { get; init; }

    public required string Agreement { get; init; }

    /// <summary>Name of the event, such as <c>agreement-revoked</c>.</summary>
    public required string Event { get; init; }

    /// <summary>Place of the event in the history of the agreement; what is told grows by it.</summary>
    public required long Version { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>In what role it was caused.</summary>
    public required string By { get; init; }

    /// <summary>Where the agreement was after it.</summary>
    public required AgreementStatus Status { get; init; }

    /// <summary>Which version of the terms binds then; null when none does.</summary>
    public int? Binding { get; init; }

    /// <summary>Which version waits for acceptance.</summary>
    public int? Pending { get; init; }

    /// <summary>The terms that the event is about.</summary>
    public Terms? Terms { get; init; }

    /// <summary>JSON in UTF-8.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, CallbackJson.Default.CallbackBody);

    /// <summary>What is told of an event.</summary>
    /// <param name="after">The agreement after it.</param>
    /// <param name="actor">As the ledger has it: <c>user:alice@example.org</c>.</param>
    public static CallbackBody Of(Guid id, string agreement, AgreementEvent happened, long version, DateTimeOffset at, string? actor, AgreementState after)
    {
        ArgumentNullException.ThrowIfNull(happened);
        ArgumentNullException.ThrowIfNull(after);
        int? about = happened switch
        {
            AgreementActivated e => e.Version,
            TermsProposed e => e.Version,
            TermsAccepted e => e.Version,
            TermsAgreed e => e.Version,
            TermsDeclined e => e.Version,
            TermsWithdrawn e => e.Version,
            TermsLapsed e => e.Version,
            _ => null,
        };
        return new()
        {
            Id = id,
            Agreement = agreement,
            Event = EventNameAttribute.Of(happened.GetType()),
            Version = version,
            At = at.ToUniversalTime(),
            By = actor?.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon ? actor[..colon] : "system",
            Status = after.Status,
            Binding = after.Phase == AgreementPhase.InForce ? after.Version : null,
            Pending = after.Pending?.Version,
            Terms = about is { } number ? after.Versions[number - 1].Terms : null,
        };
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CallbackBody))]
internal sealed partial class CallbackJson : JsonSerializerContext;
