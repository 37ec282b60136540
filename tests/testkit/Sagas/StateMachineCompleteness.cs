using MassTransit;

namespace Mailkey.Testkit.Sagas;

/// <summary>
/// Proves that a saga has an answer to every event in every state. The bus delivers at least once and in any order, so an
/// event that "cannot happen" in a state does happen there, and an unhandled one ends in the error queue.
/// </summary>
public static class StateMachineCompleteness
{
    /// <summary>Fails with a list of the gaps. The initial state is left out (there is no instance yet), and the final one (there is none any more).</summary>
    public static void Verify<TSaga>(SagaStateMachine<TSaga> machine)
        where TSaga : class, SagaStateMachineInstance
    {
        var states = machine.States.Where(state => state != machine.Initial && state != machine.Final).ToList();
        var ofStates = machine.States.SelectMany(state => new[] { state.Enter, state.Leave, state.BeforeEnter, state.AfterLeave }).ToHashSet();
        var events = machine.Events.Where(e => !ofStates.Contains(e)).ToList();
        if (states.Count == 0 || events.Count == 0)
        {
            throw new InvalidOperationException($"{machine.GetType().Name} has no states or no events: nothing was verified.");
        }

        var gaps = (
            from state in states
            let known = machine.NextEvents(state).ToHashSet()
            from e in events
            where !known.Contains(e)
            select $"  {e.Name} in state {state.Name}").ToList();
        if (gaps.Count > 0)
        {
            throw new InvalidOperationException($"{machine.GetType().Name} neither handles nor ignores:\n{string.Join('\n', gaps)}");
        }
    }
}
