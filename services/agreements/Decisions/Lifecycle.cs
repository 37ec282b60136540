using System.Collections.Frozen;

namespace Mailkey.Agreements.Decisions;

/// <summary>What a command means to something in a certain state, before its content is looked at.</summary>
/// <param name="To">States it may lead to, the same one included; empty when it leads nowhere.</param>
/// <param name="Refusal">Why it is out of place here. Null, and nothing in <paramref name="To"/>: it has happened already.</param>
public sealed record LifecycleRule<TStatus>(IReadOnlyList<TStatus> To, Refusal? Refusal)
    where TStatus : struct, Enum
{
    /// <summary>Whether the command is to be looked at; else <see cref="Refusal"/> or nothing is the answer.</summary>
    public bool IsAllowed => To.Count > 0;
}

/// <summary>
/// One rule for every pair of state and command, and who may give the command. It is the first thing that a decider asks, and what the
/// state diagrams are drawn from. A pair without a rule is a fault of the program that shows at its start.
/// </summary>
public sealed class Lifecycle<TStatus>
    where TStatus : struct, Enum
{
    private readonly FrozenDictionary<(TStatus Status, Type Command), LifecycleRule<TStatus>> _rules;
    private readonly FrozenDictionary<Type, IReadOnlyList<ActorKind>> _actors;

    public Lifecycle(IReadOnlyList<Row> rows)
    {
        Commands = [.. rows.Select(row => row.Command)];
        _actors = rows.ToFrozenDictionary(row => row.Command, row => row.Actors);
        _rules = rows.SelectMany(row => row.Rules(), (row, rule) => KeyValuePair.Create((rule.Key, row.Command), rule.Value)).ToFrozenDictionary();
        foreach (var (row, status) in rows.SelectMany(_ => Enum.GetValues<TStatus>(), (row, status) => (row, status)))
        {
            if (!_rules.ContainsKey((status, row.Command)))
            {
                throw new InvalidOperationException($"{row.Command.Name} is not decided for {status}.");
            }
        }
    }

    /// <summary>All commands, in the order of life.</summary>
    public IReadOnlyList<Type> Commands { get; }

    public LifecycleRule<TStatus> this[TStatus status, Type command] => _rules[(status, command)];

    /// <summary>Who may give a command.</summary>
    public IReadOnlyList<ActorKind> ActorsOf(Type command) => _actors[command];

    /// <summary>Begins the row of a command.</summary>
    public static Row On<TCommand>(params IReadOnlyList<ActorKind> by) => new(typeof(TCommand), by);

    /// <summary>The rules for one command.</summary>
    public sealed class Row
    {
        private readonly Dictionary<TStatus, LifecycleRule<TStatus>> _rules = [];

        internal Row(Type command, IReadOnlyList<ActorKind> actors) => (Command, Actors) = (command, actors);

        internal Type Command { get; }

        internal IReadOnlyList<ActorKind> Actors { get; }

        /// <summary>From these states the command leads to some of those.</summary>
        public Row Leads(IReadOnlyList<TStatus> from, params IReadOnlyList<TStatus> to) => Add(from, _ => new(to, null));

        /// <summary>The command is looked at and may add to what is known; the state stays.</summary>
        public Row Stays(params IReadOnlyList<TStatus> states) => Add(states, status => new([status], null));

        /// <summary>What the command asks for has happened.</summary>
        public Row Nothing(params IReadOnlyList<TStatus> states) => Add(states, _ => new([], null));

        public Row Refuses(Refusal refusal, params IReadOnlyList<TStatus> states) => Add(states, _ => new([], refusal));

        internal IEnumerable<KeyValuePair<TStatus, LifecycleRule<TStatus>>> Rules() => _rules;

        // Dictionary.Add refuses a second rule for a state: a contradiction must not be settled by the order of lines.
        private Row Add(IReadOnlyList<TStatus> states, Func<TStatus, LifecycleRule<TStatus>> rule)
        {
            foreach (var status in states)
            {
                _rules.Add(status, rule(status));
            }

            return this;
        }
    }
}
