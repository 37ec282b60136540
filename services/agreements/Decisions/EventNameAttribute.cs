using System.Reflection;

namespace Mailkey.Agreements.Decisions;

/// <summary>
/// What an event is called where it is stored: lower-case letters, digits and hyphens. It never changes, whatever becomes of the class. The
/// ledger's catalog writes the version of the shape behind it.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class EventNameAttribute(string name) : Attribute
{
    public string Name { get; } = name;

    /// <summary>The name of an event type.</summary>
    /// <exception cref="ArgumentException">It has none.</exception>
    public static string Of(Type type) =>
        type.GetCustomAttribute<EventNameAttribute>()?.Name ?? throw new ArgumentException($"{type} has no [EventName].", nameof(type));
}
