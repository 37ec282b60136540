namespace Mailkey.Contracts.Journal;

/// <summary>The stable wire name of a journal event.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class JournalEventAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}
