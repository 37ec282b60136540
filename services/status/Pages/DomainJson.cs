using System.Text.Json;
using System.Text.Json.Serialization;
using Mailkey.Authentication.Keys;
using Mailkey.Status.Domains;

namespace Mailkey.Status.Pages;

/// <summary>The same for programs; docs/protocols/status.md describes it.</summary>
internal static class DomainJson
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    public static byte[] Of(DomainView view)
    {
        var findings = view.Check?.Findings;
        return JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                view.Domain,
                view.Unicode,
                State = view.State is { } state ? JsonNamingPolicy.KebabCaseLower.ConvertName(state.ToString()) : "unseen",
                view.Reason,
                CheckedAt = view.Check?.At,
                findings?.Source,
                findings?.Host,
                findings?.Serial,
                Keys = findings?.Keys.Select(key => new { key.Name, key.Type, Bits = key.Bits == 0 ? null : (int?)key.Bits, key.Status, key.Test, key.Note }),
                Problems = findings?.Problems,
                RecordsToPublish = view.NeedsGuide ? view.RecordsToPublish : null,
                view.Check?.HasSpf,
                findings?.Steps,
                Memory = view.Pin is not { } pin ? null : new
                {
                    pin.Serial,
                    pin.LastSeen,
                    VanishedSince = pin.AbsentSince,
                    view.GraceEnds,
                    pin.RefusedSerial,
                    pin.RefusedSince,
                },
                Events = view.Events.Select(e => new { e.At, e.Kind, e.Serial, e.OfferedSerial }),
                Failures = view.Failures.Select(failure => new { failure.Hour, failure.Cause, failure.Permanent, failure.Count }),
            },
            Json);
    }

    public static byte[] Problem(string text) => JsonSerializer.SerializeToUtf8Bytes(new { Error = text }, Json);
}
