using Mailkey.Bounces.Sagas.Advisory;
using Mailkey.Testkit.Sagas;

namespace Mailkey.Bounces.Tests.Sagas;

public sealed class AdvisoryStateMachineTests
{
    [Fact]
    public void AdvisoryStateMachine_answers_every_event_in_every_state() => StateMachineCompleteness.Verify(new AdvisoryStateMachine());

    [Fact]
    public void AdvisoryStateMachine_is_drawn_in_its_document() => StateMachineDiagram.VerifyDocument(new AdvisoryStateMachine(), "docs/sagas/advisory.md");
}
