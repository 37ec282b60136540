using System.Text.Json;

namespace Mailkey.Policy.Reading;

/// <summary>A JSON value that knows where it stands.</summary>
internal sealed class JsonNode
{
    // A policy has: the file, a list of rules, a rule, its conditions, "not" or "any" within them a few times, a value.
    private const int MaxDepth = 32;

    private JsonNode(JsonTokenType kind, int offset)
    {
        Kind = kind;
        Offset = offset;
    }

    /// <summary>StartObject, StartArray, String, Number, True, False or Null.</summary>
    public JsonTokenType Kind { get; }

    public int Offset { get; }

    /// <summary>Of a string.</summary>
    public string Text { get; private set; } = "";

    /// <summary>Of a number.</summary>
    public double Number { get; private set; }

    /// <summary>Of an object, in the order of the file.</summary>
    public List<JsonMember> Members { get; } = [];

    /// <summary>Of an array.</summary>
    public List<JsonNode> Items { get; } = [];

    public bool IsTrue => Kind == JsonTokenType.True;

    /// <summary>For a message about what was found instead of what is expected.</summary>
    public string KindName => Kind switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.String => $"\"{(Text.Length > 60 ? Text[..60] + "…" : Text)}\"",
        JsonTokenType.Number => "a number",
        JsonTokenType.True => "true",
        JsonTokenType.False => "false",
        _ => "null",
    };

    /// <summary>Reads JSON with comments and trailing commas. Null after an error of syntax: what follows it would be guessed.</summary>
    public static JsonNode? Read(SourceText source, List<PolicyError> errors)
    {
        if (source.Octets.IndexOfAnyExcept(" \t\r\n"u8) < 0)
        {
            errors.Add(source.Error(0, "the file is empty; expected an object, such as { \"rules\": [] }"));
            return null;
        }

        var reader = new Utf8JsonReader(source.Octets, new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = MaxDepth });
        try
        {
            reader.Read();
            var node = Value(ref reader, source, errors);
            reader.Read(); // faults when something follows
            return node;
        }
        catch (JsonException e)
        {
            var line = (int)(e.LineNumber ?? 0) + 1;
            var offset = line <= source.LineCount ? source.OffsetOf(line) + (int)(e.BytePositionInLine ?? 0) : source.Octets.Length;
            errors.Add(source.Error(offset, $"is no JSON: {WithoutPosition(e.Message)}"));
            return null;
        }
        catch (InvalidOperationException)
        {
            // A string that is no UTF-8, or half of a surrogate pair.
            errors.Add(source.Error((int)reader.TokenStartIndex, "holds octets that are no UTF-8 text"));
            return null;
        }
    }

    private static JsonNode Value(ref Utf8JsonReader reader, SourceText source, List<PolicyError> errors)
    {
        var node = new JsonNode(reader.TokenType, (int)reader.TokenStartIndex);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                HashSet<string> names = new(StringComparer.Ordinal);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var (name, at) = (reader.GetString()!, (int)reader.TokenStartIndex);
                    reader.Read();
                    var value = Value(ref reader, source, errors);
                    if (names.Add(name))
                    {
                        node.Members.Add(new(name, at, value));
                    }
                    else
                    {
                        errors.Add(source.Error(at, $"\"{name}\" stands twice in this object"));
                    }
                }

                break;
            case JsonTokenType.StartArray:
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    node.Items.Add(Value(ref reader, source, errors));
                }

                break;
            case JsonTokenType.String:
                node.Text = reader.GetString()!;
                break;
            case JsonTokenType.Number:
                node.Number = reader.GetDouble();
                break;
        }

        return node;
    }

    private static string WithoutPosition(string message)
    {
        var end = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return end < 0 ? message : message[..end];
    }
}

/// <summary>A member of an object.</summary>
/// <param name="Offset">Of its name.</param>
internal sealed record JsonMember(string Name, int Offset, JsonNode Value);
