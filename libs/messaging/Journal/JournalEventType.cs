using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mailkey.Contracts.Journal;

namespace Mailkey.Messaging.Journal;

/// <summary>A type of journal event: its wire name and its JSON.</summary>
public abstract class JournalEventType
{
    private protected JournalEventType(string name) => Name = name;

    /// <summary>Stable name, as in <see cref="JournalEntry.Type"/>.</summary>
    public string Name { get; }

    /// <summary>The type of the record <typeparamref name="T"/>.</summary>
    /// <exception cref="InvalidOperationException">It has no <see cref="JournalEventAttribute"/>, or <see cref="JournalJson"/> does not know it.</exception>
    public static JournalEventType Of<T>()
        where T : class => Known<T>.Type;

    internal abstract JsonElement Serialize(object journalEvent);

    private static class Known<T>
        where T : class
    {
        public static readonly JournalEventType Type = new Typed<T>(
            typeof(T).GetCustomAttribute<JournalEventAttribute>()?.Name ?? throw new InvalidOperationException($"{typeof(T)} has no [JournalEvent]."),
            (JsonTypeInfo<T>?)JournalJson.Default.GetTypeInfo(typeof(T)) ?? throw new InvalidOperationException($"{typeof(T)} is missing in {nameof(JournalJson)}."));
    }

    private sealed class Typed<T>(string name, JsonTypeInfo<T> json) : JournalEventType(name)
        where T : class
    {
        internal override JsonElement Serialize(object journalEvent) => JsonSerializer.SerializeToElement((T)journalEvent, json);
    }
}
