using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Tests;

/// <summary>One aggregate as a test tells it: commands, the events that follow, and the time.</summary>
/// <typeparam name="TStory">The story itself, so that its parts can be told one after another.</typeparam>
internal abstract class StoryOf<TStory, TState, TCommand, TEvent>(TState none)
    where TStory : StoryOf<TStory, TState, TCommand, TEvent>
    where TEvent : class
{
    public static readonly DateTimeOffset Start = new(2026, 11, 2, 8, 0, 0, TimeSpan.Zero);

    private readonly List<TEvent> _events = [];

    public DateTimeOffset Now { get; set; } = Start;

    public TState State { get; private set; } = none;

    public IReadOnlyList<TEvent> Events => _events;

    /// <summary>Gives a command, folds what follows, and returns the decision.</summary>
    public Decision<TEvent> Try(TCommand command)
    {
        var decision = Decide(command);
        foreach (var happened in decision.Events)
        {
            _events.Add(happened);
            State = Evolve(State, happened);
        }

        return decision;
    }

    /// <summary>Gives commands that must be followed.</summary>
    public TStory Do(params IReadOnlyList<TCommand> commands)
    {
        foreach (var command in commands)
        {
            var decision = Try(command);
            Assert.Null(decision.Refusal);
            Assert.NotEmpty(decision.Events);
        }

        return (TStory)this;
    }

    /// <summary>Gives a command that must be refused, and then leaves no trace.</summary>
    public TStory Refused(Refusal refusal, TCommand command)
    {
        var decision = Try(command);
        Assert.Equal(refusal.Code, decision.Refusal?.Code);
        Assert.StartsWith(refusal.Text, decision.Refusal!.Text, StringComparison.Ordinal);
        Assert.Empty(decision.Events);
        return (TStory)this;
    }

    /// <summary>Gives a command that has been followed already.</summary>
    public TStory Nothing(TCommand command)
    {
        var decision = Try(command);
        Assert.Null(decision.Refusal);
        Assert.Empty(decision.Events);
        return (TStory)this;
    }

    public TStory After(TimeSpan time)
    {
        Now += time;
        return (TStory)this;
    }

    protected abstract Decision<TEvent> Decide(TCommand command);

    protected abstract TState Evolve(TState state, TEvent happened);
}
