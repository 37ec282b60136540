using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Mailkey.Ledger.Chain;

/// <summary>
/// A ledger in a file: one JSON object in each line, in the order of positions, with <c>position</c>, <c>id</c>, <c>stream</c>, <c>version</c>,
/// <c>type</c>, <c>at</c> (UTC, microseconds), <c>headers</c> and <c>data</c>.
/// </summary>
public static class LedgerFile
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>Writes an event as a line.</summary>
    public static void Write(StoredEvent stored, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(stored);
        ArgumentNullException.ThrowIfNull(output);
        using (var writer = new Utf8JsonWriter(output))
        {
            writer.WriteStartObject();
            writer.WriteNumber("position", stored.Position);
            writer.WriteString("id", stored.Id);
            writer.WriteString("stream", stored.StreamId);
            writer.WriteNumber("version", stored.Version);
            writer.WriteString("type", stored.Type);
            writer.WriteString("at", stored.At.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
            if (!stored.Headers.IsEmpty)
            {
                Value(writer, "headers", stored.Headers);
            }

            Value(writer, "data", stored.Data);
            writer.WriteEndObject();
        }

        output.Write("\n"u8);
    }

    /// <summary>Reads a file, line by line.</summary>
    /// <exception cref="FormatException">A line is no event; the message names it.</exception>
    public static async IAsyncEnumerable<StoredEvent> ReadAsync(Stream file, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(file, Encoding.UTF8, leaveOpen: true);
        for (var number = 1L; await reader.ReadLineAsync(cancellationToken) is { } line; number++)
        {
            if (line.Length > 0)
            {
                yield return Read(line, number);
            }
        }
    }

    private static StoredEvent Read(string line, long number)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            return new(
                root.GetProperty("position").GetInt64(),
                root.GetProperty("id").GetGuid(),
                root.GetProperty("stream").GetString() ?? throw new FormatException("no stream"),
                root.GetProperty("version").GetInt64(),
                root.GetProperty("type").GetString() ?? throw new FormatException("no type"),
                DateTimeOffset.ParseExact(root.GetProperty("at").GetString() ?? "", TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal),
                Encoding.UTF8.GetBytes(root.GetProperty("data").GetRawText()),
                root.TryGetProperty("headers", out var headers) ? Encoding.UTF8.GetBytes(headers.GetRawText()) : default);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"line {number} is no event of a ledger: {e.Message}"), e);
        }
    }

    // Written anew, so that the writer escapes whatever a terminal would obey.
    private static void Value(Utf8JsonWriter writer, string name, ReadOnlyMemory<byte> json)
    {
        writer.WritePropertyName(name);
        using var document = JsonDocument.Parse(json);
        document.RootElement.WriteTo(writer);
    }
}
