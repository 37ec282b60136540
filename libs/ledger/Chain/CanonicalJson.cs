using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mailkey.Ledger.Chain;

/// <summary>
/// The one form of a JSON value that is hashed, after RFC 8785: no blanks, properties ordered by their UTF-16 code units. A database that
/// orders properties in its own way changes nothing about it.
/// </summary>
/// <remarks>Numbers are integers of at most 53 bits: how others are written differs from program to program.</remarks>
public static class CanonicalJson
{
    /// <summary>Largest integer that every reader of JSON keeps (RFC 8259 §6).</summary>
    private const long MaxInteger = (1L << 53) - 1;

    private static readonly SearchValues<char> Escaped = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(c => (char)c), '"', '\\']);

    /// <summary>Writes a value in its canonical form.</summary>
    /// <param name="json">JSON in UTF-8.</param>
    /// <exception cref="JsonException">No JSON, nested deeper than 64, with a property twice, or with a number that is no integer of 53 bits.</exception>
    public static void Write(ReadOnlyMemory<byte> json, IBufferWriter<byte> output)
    {
        using var document = JsonDocument.Parse(json);
        Write(document.RootElement, output);
    }

    private static void Write(JsonElement value, IBufferWriter<byte> output)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(value, output);
                break;
            case JsonValueKind.Array:
                var first = true;
                output.Write("["u8);
                foreach (var item in value.EnumerateArray())
                {
                    output.Write(first ? ""u8 : ","u8);
                    first = false;
                    Write(item, output);
                }

                output.Write("]"u8);
                break;
            case JsonValueKind.Number when value.TryGetInt64(out var integer) && integer is >= -MaxInteger and <= MaxInteger:
                Span<byte> digits = stackalloc byte[20];
                integer.TryFormat(digits, out var length, provider: CultureInfo.InvariantCulture);
                output.Write(digits[..length]);
                break;
            case JsonValueKind.Number:
                throw new JsonException($"{value.GetRawText()} is no integer of 53 bits");
            case JsonValueKind.String:
                WriteString(value.GetString()!, output);
                break;
            default:
                output.Write(value.ValueKind switch { JsonValueKind.True => "true"u8, JsonValueKind.False => "false"u8, _ => "null"u8 });
                break;
        }
    }

    private static void WriteObject(JsonElement value, IBufferWriter<byte> output)
    {
        var properties = value.EnumerateObject().ToArray();
        Array.Sort(properties, static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        output.Write("{"u8);
        for (var i = 0; i < properties.Length; i++)
        {
            if (i > 0 && string.Equals(properties[i].Name, properties[i - 1].Name, StringComparison.Ordinal))
            {
                throw new JsonException($"property \"{properties[i].Name}\" is there twice");
            }

            output.Write(i == 0 ? ""u8 : ","u8);
            WriteString(properties[i].Name, output);
            output.Write(":"u8);
            Write(properties[i].Value, output);
        }

        output.Write("}"u8);
    }

    // RFC 8785 §3.2.2.2: escapes what JSON must have escaped, and nothing else.
    private static void WriteString(string text, IBufferWriter<byte> output)
    {
        output.Write("\""u8);
        var rest = text.AsSpan();
        while (rest.Length > 0)
        {
            var plain = rest.IndexOfAny(Escaped);
            Encoding.UTF8.GetBytes(plain < 0 ? rest : rest[..plain], output);
            if (plain < 0)
            {
                break;
            }

            output.Write(rest[plain] switch
            {
                '"' => "\\\""u8,
                '\\' => "\\\\"u8,
                '\b' => "\\b"u8,
                '\f' => "\\f"u8,
                '\n' => "\\n"u8,
                '\r' => "\\r"u8,
                '\t' => "\\t"u8,
                var control => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\\u{(int)control:x4}")),
            });
            rest = rest[(plain + 1)..];
        }

        output.Write("\""u8);
    }
}
