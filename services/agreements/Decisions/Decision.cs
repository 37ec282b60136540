namespace Mailkey.Agreements.Decisions;

/// <summary>
/// What follows from a command: events, a refusal, or neither of the two when what it asks for has happened already. So a command may
/// safely be given twice.
/// </summary>
public sealed class Decision<TEvent>
    where TEvent : class
{
    private Decision(IReadOnlyList<TEvent> events, Refusal? refusal) => (Events, Refusal) = (events, refusal);

    /// <summary>There is nothing left to do.</summary>
    public static Decision<TEvent> Nothing { get; } = new([], null);

    /// <summary>What happened, in order; empty with a refusal.</summary>
    public IReadOnlyList<TEvent> Events { get; }

    /// <summary>Why nothing happened; null when something did, or when nothing had to.</summary>
    public Refusal? Refusal { get; }

    public static Decision<TEvent> Of(params IReadOnlyList<TEvent> events) => events.Count == 0 ? Nothing : new(events, null);

    public static Decision<TEvent> Refuse(Refusal refusal) => new([], refusal);

    public static implicit operator Decision<TEvent>(Refusal refusal) => Refuse(refusal);

    public static implicit operator Decision<TEvent>(TEvent value) => Of(value);
}
