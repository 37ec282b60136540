using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mailkey.Authentication.Crypto;

namespace Mailkey.Authentication.Keys;

/// <summary>Writes key sets in both of the forms in which they are published.</summary>
public static class KeyRecords
{
    /// <summary>Stands in a template for the public key.</summary>
    public const string KeyPlaceholder = "<public key in base64>";

    // RFC 1035 §3.3: a <character-string> holds up to 255 octets.
    private const int MaxString = 255;

    private static readonly JsonWriterOptions Readable = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What is published of a key pair.</summary>
    /// <exception cref="ArgumentException">The name is not 1 to 63 of a-z 0-9 and hyphen.</exception>
    public static PublishedKey Publish(SigningKey key, string name, bool test = false, string? note = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new()
        {
            Name = KeyRecord.TryReadName(Encoding.UTF8.GetBytes(name), out var read) ? read : throw new ArgumentException("A key name is 1 to 63 of a-z, 0-9 and hyphen.", nameof(name)),
            Type = key.Type,
            Status = KeyStatus.Active,
            Test = test,
            Note = note,
            Material = key.ExportPublicKey(),
        };
    }

    /// <summary>The text of a TXT record.</summary>
    /// <param name="reportUrl">Where reports are wanted; an https URL.</param>
    /// <param name="domain">Written as <c>d=</c>; needed below a mail exchanger, where the record has to name whose key it is.</param>
    public static string ToTxt(PublishedKey key, string? reportUrl = null, string? domain = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        return ToTxt(key.Type, key.Name, Convert.ToBase64String(key.Status == KeyStatus.Revoked ? [] : key.Material.Span), key.Test, key.Note, reportUrl, domain);
    }

    /// <summary>The line of a zone file (RFC 1035 §5.1) that publishes a text at the mailkey host of a domain.</summary>
    /// <param name="host">The domain, or the mail exchanger, above which the mailkey host stands.</param>
    public static string ToZoneLine(string host, string text, TimeSpan timeToLive) => ToZoneLineAt($"{KeyHostSearch.Label}.{host}", text, timeToLive);

    /// <summary>The line of a zone file that publishes a text at a name.</summary>
    public static string ToZoneLineAt(string name, string text, TimeSpan timeToLive)
    {
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"{name}. {(long)timeToLive.TotalSeconds} IN TXT");
        foreach (var part in text.Chunk(MaxString))
        {
            line.Append(" \"").Append(new string(part).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"');
        }

        return line.ToString();
    }

    /// <summary>The line that a domain without key set could publish, with a placeholder for the key.</summary>
    /// <param name="name">Name for the key, such as the year with a letter.</param>
    public static string Template(string domain, string name) =>
        ToZoneLine(domain, ToTxt(KeyType.Ed25519, name, KeyPlaceholder, test: false, note: null, reportUrl: null, domain: null), TimeSpan.FromHours(1));

    /// <summary>The document that the host form serves at <see cref="KeySetFetcher.Path"/>.</summary>
    /// <param name="maxAge">How long receivers may keep it.</param>
    /// <exception cref="ArgumentException">The set has no serial.</exception>
    public static string ToHostDocument(KeySet set, TimeSpan maxAge)
    {
        ArgumentNullException.ThrowIfNull(set);
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json, Readable))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", 1);
            writer.WriteString("domain", set.Domain);
            writer.WriteNumber("serial", set.Serial ?? throw new ArgumentException("The host form needs a serial.", nameof(set)));
            writer.WriteStartArray("keys");
            foreach (var key in set.Keys)
            {
                writer.WriteStartObject();
                writer.WriteString("name", key.Name);
                writer.WriteString("type", key.Type == KeyType.Rsa ? "rsa" : "ed25519");
                if (key.Status == KeyStatus.Active)
                {
                    writer.WriteBase64String("key", key.Material.Span);
                }

                writer.WriteString("status", key.Status == KeyStatus.Active ? "active" : "revoked");
                if (key.Test)
                {
                    writer.WriteBoolean("test", value: true);
                }

                if (key.Note is not null)
                {
                    writer.WriteString("note", key.Note);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            if (set.ReportUrl is not null)
            {
                writer.WriteString("report", set.ReportUrl);
            }

            writer.WriteNumber("max_age", (long)maxAge.TotalSeconds);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(json.GetBuffer(), 0, (int)json.Length) + "\n";
    }

    private static string ToTxt(KeyType type, string name, string key, bool test, string? note, string? reportUrl, string? domain)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"v=MAILKEY1; k={(type == KeyType.Rsa ? "rsa" : "ed25519")}; s={name}; p={key}");
        if (test)
        {
            text.Append("; t=y");
        }

        if (!string.IsNullOrWhiteSpace(note))
        {
            // A semicolon would end the value (RFC 6376 §3.2).
            text.Append("; n=").Append(PlainText.From(note.Replace(';', ','), note.Length).Trim());
        }

        if (reportUrl is not null)
        {
            text.Append("; r=").Append(reportUrl.Replace(";", "%3B", StringComparison.Ordinal));
        }

        if (domain is not null)
        {
            text.Append("; d=").Append(domain);
        }

        return text.ToString();
    }
}
