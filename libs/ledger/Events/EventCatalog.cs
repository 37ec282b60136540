using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Mailkey.Ledger.Events;

/// <summary>
/// The event types of a ledger: what each is called where it is stored, and how stored ones of an older shape become events of today's. Names
/// never change; a shape that does gets the next version, written behind the name: <c>agreement-proposed</c>, then <c>agreement-proposed.v2</c>.
/// </summary>
public sealed class EventCatalog
{
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private readonly Dictionary<Type, Entry> _byType = [];
    private readonly Dictionary<string, Entry> _byName = new(StringComparer.Ordinal);

    /// <summary>Adds an event type.</summary>
    /// <param name="name">Its name, for ever: lower-case letters, digits and hyphens.</param>
    /// <param name="json">How it is written.</param>
    /// <param name="upcasters">One for each older version, in order: makes version 1 a version 2, and so on. They change the object in place.</param>
    public EventCatalog Add<T>(string name, JsonTypeInfo<T> json, params IReadOnlyList<Action<JsonObject>> upcasters)
        where T : class => Add(name, (JsonTypeInfo)json, upcasters);

    /// <inheritdoc cref="Add{T}"/>
    public EventCatalog Add(string name, JsonTypeInfo json, params IReadOnlyList<Action<JsonObject>> upcasters)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(upcasters);
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(NameCharacters))
        {
            throw new ArgumentException($"\"{name}\" is no name of an event: lower-case letters, digits and hyphens.", nameof(name));
        }

        var entry = new Entry(name, json, upcasters, upcasters.Count == 0 ? name : $"{name}.v{upcasters.Count + 1}");
        _byType.Add(json.Type, entry);
        _byName.Add(name, entry);
        return this;
    }

    /// <summary>Writes an event as it is stored.</summary>
    /// <exception cref="ArgumentException">No event of this catalog.</exception>
    public NewEvent Encode(object value, Guid id, string streamId, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(value);
        var entry = _byType.GetValueOrDefault(value.GetType()) ?? throw new ArgumentException($"{value.GetType()} is not in the catalog.", nameof(value));
        return new(id, streamId, entry.WireName, at, JsonSerializer.SerializeToUtf8Bytes(value, entry.Json));
    }

    /// <summary>Reads a stored event, of any version.</summary>
    /// <returns>False for a type, or a version, that this program does not know: a newer one wrote it.</returns>
    /// <exception cref="JsonException">The data isn't what its type says.</exception>
    public bool TryDecode(StoredEvent stored, [NotNullWhen(true)] out object? value)
    {
        ArgumentNullException.ThrowIfNull(stored);
        value = null;
        if (!TryFind(stored.Type, out var entry, out var version) || version > entry.Upcasters.Count + 1)
        {
            return false;
        }

        if (version == entry.Upcasters.Count + 1)
        {
            value = JsonSerializer.Deserialize(stored.Data.Span, entry.Json);
        }
        else
        {
            var json = JsonNode.Parse(stored.Data.Span) as JsonObject ?? throw new JsonException($"{stored.Type} is no object");
            foreach (var upcast in entry.Upcasters.Skip(version - 1))
            {
                upcast(json);
            }

            value = json.Deserialize(entry.Json);
        }

        return value is not null;
    }

    private bool TryFind(string type, [NotNullWhen(true)] out Entry? entry, out int version)
    {
        version = 1;
        if (_byName.TryGetValue(type, out entry))
        {
            return true;
        }

        var dot = type.LastIndexOf(".v", StringComparison.Ordinal);
        return dot > 0 && int.TryParse(type.AsSpan(dot + 2), NumberStyles.None, CultureInfo.InvariantCulture, out version) && version > 1
            && _byName.TryGetValue(type[..dot], out entry);
    }

    private sealed record Entry(string Name, JsonTypeInfo Json, IReadOnlyList<Action<JsonObject>> Upcasters, string WireName);
}
