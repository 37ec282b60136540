using Mailkey.Testkit.Sagas;
using MassTransit;

namespace Mailkey.Messaging.Tests.Sagas;

public sealed class StateMachineTests
{
    [Fact]
    public void Completeness_accepts_a_machine_that_answers_everything() => StateMachineCompleteness.Verify(new ErrandStateMachine(new ErrandLog()));

    [Fact]
    public void Completeness_names_the_event_and_the_state_of_a_gap()
    {
        var error = Assert.Throws<InvalidOperationException>(() => StateMachineCompleteness.Verify(new GapStateMachine()));

        Assert.Contains("Touched in state Waiting", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Started in state", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Diagram_shows_the_way_from_state_to_state()
    {
        var diagram = StateMachineDiagram.Mermaid(new GapStateMachine());

        Assert.Equal(
            """
            flowchart TB
                event_Started[Started]
                state_Initial([Initial])
                state_Waiting([Waiting])
                event_Started --> state_Waiting
                state_Initial --> event_Started

            """,
            diagram);
    }

    private sealed class GapStateMachine : MassTransitStateMachine<Errand>
    {
        public GapStateMachine()
        {
            InstanceState(errand => errand.CurrentState);
            Event(() => Started, started => started.CorrelateById(context => context.Message.ErrandId));
            Event(() => Touched, touched => touched.CorrelateById(context => context.Message.ErrandId));
            Initially(When(Started).TransitionTo(Waiting));
            During(Waiting, Ignore(Started));
        }

        public State Waiting { get; } = null!;
        public Event<ErrandStarted> Started { get; } = null!;
        public Event<ErrandTouched> Touched { get; } = null!;
    }
}
