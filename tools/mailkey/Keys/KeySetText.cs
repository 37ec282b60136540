using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mailkey.Authentication.Keys;

namespace Mailkey.Tool.Keys;

/// <summary>The forms in which a key set is published.</summary>
internal static class KeySetText
{
    // RFC 1035 §3.3: a character-string holds 255 octets at most.
    private const int MaxString = 255;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The text of the TXT record of a key.</summary>
    public static string Record(PublishedKey key, string? report)
    {
        var text = new StringBuilder("v=MAILKEY1; k=").Append(key.Type == KeyType.Rsa ? "rsa" : "ed25519").Append("; s=").Append(key.Name).Append("; p=");
        if (key.Status == KeyStatus.Active)
        {
            text.Append(Convert.ToBase64String(key.Material.Span));
        }

        return text.Append(key.Test ? "; t=y" : "").Append(key.Note is { } note ? $"; n={note}" : "").Append(report is null ? "" : $"; r={report}").ToString();
    }

    /// <summary>A line of a zone file (RFC 1035 §5.1), the text in strings of 255 octets.</summary>
    public static string ZoneLine(string domain, int ttl, string record)
    {
        var line = new StringBuilder().Append(CultureInfo.InvariantCulture, $"mailkey.{domain}. {ttl} IN TXT");
        for (var at = 0; at < record.Length; at += MaxString)
        {
            var part = record.Substring(at, Math.Min(MaxString, record.Length - at));
            line.Append(" \"").Append(part.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"');
        }

        return line.ToString();
    }

    /// <summary>The file of the host form.</summary>
    public static string HostFile(KeySet set, TimeSpan maxAge)
    {
        var keys = new JsonArray();
        foreach (var key in set.Keys)
        {
            var item = new JsonObject
            {
                ["name"] = key.Name,
                ["type"] = key.Type == KeyType.Rsa ? "rsa" : "ed25519",
                ["key"] = key.Status == KeyStatus.Active ? Convert.ToBase64String(key.Material.Span) : "",
                ["status"] = key.Status == KeyStatus.Active ? "active" : "revoked",
            };
            if (key.Test)
            {
                item["test"] = true;
            }

            if (key.Note is not null)
            {
                item["note"] = key.Note;
            }

            keys.Add(item);
        }

        var root = new JsonObject { ["version"] = 1, ["domain"] = set.Domain, ["serial"] = set.Serial, ["keys"] = keys };
        if (set.ReportUrl is not null)
        {
            root["report"] = set.ReportUrl;
        }

        root["max_age"] = (long)maxAge.TotalSeconds;
        return root.ToJsonString(Indented).ReplaceLineEndings("\n");
    }
}
