using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Mailkey.Dns;

namespace Mailkey.Authentication.Keys;

/// <summary>
/// The key set of the host form:
/// <c>{"version":1,"domain":"example.com","serial":42,"keys":[{"name":"2026a","type":"ed25519","key":"…","status":"active"}],"report":"https://…","max_age":3600}</c>.
/// </summary>
public sealed record HostDocument
{
    /// <summary>Most octets of a document.</summary>
    public const int MaxLength = 32 * 1024;

    // Shallow by nature: object, array, object.
    private const int MaxDepth = 8;
    private const int MaxNote = 200;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    public required KeySet Keys { get; init; }

    /// <summary>How long the publisher lets it be kept; null when it does not say.</summary>
    public TimeSpan? MaxAge { get; init; }

    /// <summary>Which domain a document names, without judging the rest; null when it is no document of ours.</summary>
    public static string? DomainOf(ReadOnlySpan<byte> json)
    {
        using var document = Open(json, out _);
        return document is not null && TryGetString(document.RootElement, "domain", out var text) && DomainName.TryNormalize(text, out var domain) ? domain : null;
    }

    /// <summary>
    /// Reads a document. A key that can't be used is a problem of the set and not fatal; a document that is not one, or is about
    /// another domain, is.
    /// </summary>
    /// <param name="error">One ASCII line.</param>
    public static bool TryParse(ReadOnlySpan<byte> json, string domain, [NotNullWhen(true)] out HostDocument? document, [NotNullWhen(false)] out string? error)
    {
        document = null;
        using var parsed = Open(json, out error);
        if (parsed is null)
        {
            error ??= "not a JSON object";
            return false;
        }

        var root = parsed.RootElement;
        if (!TryGetNumber(root, "version", out var version) || version != 1)
        {
            error = "\"version\" is not 1";
            return false;
        }

        if (!TryGetString(root, "domain", out var named) || !DomainName.TryNormalize(named, out var about))
        {
            error = "\"domain\" is missing or no domain name";
            return false;
        }

        if (about != domain)
        {
            error = $"the document is about {about}";
            return false;
        }

        if (!TryGetNumber(root, "serial", out var serial) || serial < 0)
        {
            error = "\"serial\" is missing or no number";
            return false;
        }

        if (!root.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array)
        {
            error = "\"keys\" is missing or no array";
            return false;
        }

        List<PublishedKey> keys = [];
        List<string> problems = [];
        var position = 0;
        foreach (var item in list.EnumerateArray())
        {
            if (position == KeySetReading.MaxParsed)
            {
                KeySetReading.Report(problems, $"more than {KeySetReading.MaxParsed} keys");
                break;
            }

            if (TryReadKey(item, position++, out var key, out var problem))
            {
                keys.Add(key);
            }
            else
            {
                KeySetReading.Report(problems, problem);
            }
        }

        string? report = null;
        if (TryGetString(root, "report", out var url) && !KeyRecord.TryReadReportUrl(url, out report))
        {
            KeySetReading.Report(problems, "\"report\" is no https URL");
        }

        document = new()
        {
            Keys = KeySetReading.Assemble(domain, serial, keys, problems, report),
            MaxAge = TryGetNumber(root, "max_age", out var seconds) && seconds >= 0 ? TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue)) : null,
        };
        return true;
    }

    private static bool TryReadKey(JsonElement item, int position, [NotNullWhen(true)] out PublishedKey? key, [NotNullWhen(false)] out string? problem)
    {
        key = null;
        if (item.ValueKind != JsonValueKind.Object || !TryGetString(item, "name", out var text) || !KeyRecord.TryReadName(Encoding.UTF8.GetBytes(text), out var name))
        {
            problem = $"keys[{position}]: \"name\" has to be 1 to 63 of a-z 0-9 and hyphen";
            return false;
        }

        TryGetString(item, "type", out var type);
        if (type is not ("ed25519" or "rsa"))
        {
            problem = $"key {name}: \"type\" has to be ed25519 or rsa";
            return false;
        }

        TryGetString(item, "status", out var status);
        if (status is not ("active" or "revoked"))
        {
            problem = $"key {name}: \"status\" has to be active or revoked";
            return false;
        }

        var revoked = status == "revoked";
        byte[]? material = [];
        if (!revoked && (!TryGetString(item, "key", out var encoded) || !TagList.TryDecodeBase64(Encoding.UTF8.GetBytes(encoded), out material) || material.Length == 0))
        {
            problem = $"key {name}: \"key\" has to be base64";
            return false;
        }

        var read = new PublishedKey
        {
            Name = name,
            Type = type == "rsa" ? KeyType.Rsa : KeyType.Ed25519,
            Status = revoked ? KeyStatus.Revoked : KeyStatus.Active,
            Test = item.TryGetProperty("test", out var test) && test.ValueKind == JsonValueKind.True,
            Note = TryGetString(item, "note", out var note) ? PlainText.From(note, MaxNote) : null,
            Material = material,
        };
        if (!KeyRecord.IsUsable(read, out problem))
        {
            return false;
        }

        key = read;
        return true;
    }

    private static JsonDocument? Open(ReadOnlySpan<byte> json, out string? error)
    {
        error = null;
        if (json.Length > MaxLength)
        {
            error = "longer than 32 KiB";
            return null;
        }

        try
        {
            var document = JsonDocument.Parse(json.ToArray(), Strict);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
            error = "not a JSON object";
        }
        catch (JsonException e)
        {
            error = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"not JSON at line {e.LineNumber + 1} octet {e.BytePositionInLine}");
        }

        return null;
    }

    private static bool TryGetString(JsonElement item, string name, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (!item.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String)
        {
            return false;
        }

        try
        {
            text = value.GetString();
        }
        catch (InvalidOperationException)
        {
            return false; // an escaped lone surrogate or malformed UTF-8: JSON by its grammar, but no text
        }

        return text is not null;
    }

    private static bool TryGetNumber(JsonElement item, string name, out long number)
    {
        number = 0;
        return item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out number);
    }
}
