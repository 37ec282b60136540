namespace Mailkey.Agreements.Decisions;

/// <summary>Why a command was not followed.</summary>
/// <param name="Code">Stable: programs of others decide by it.</param>
/// <param name="Text">One line for a person, without anything that came from outside.</param>
public sealed record Refusal(string Code, string Text)
{
    /// <summary>The same refusal, and what exactly was wrong.</summary>
    public Refusal With(string detail) => this with { Text = $"{Text} {detail}" };
}
