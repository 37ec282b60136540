using Mailkey.Delivery.Sagas.Deferral;
using Mailkey.Hosting.Options;
using Mailkey.Testkit.Sagas;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Tests.Sagas;

public sealed class DeferralStateMachineTests
{
    // Its steps are not taken here; the service's tests do that.
    private readonly DeferralStateMachine _machine = new(new DeferralBehaviors(
        null!, null!, Options.Create(new MailkeyOptions()), TimeProvider.System, NullLogger<DeferralBehaviors>.Instance));

    [Fact]
    public void DeferralStateMachine_has_an_answer_to_every_event_in_every_state() => StateMachineCompleteness.Verify(_machine);

    [Fact]
    public void DeferralStateMachine_is_drawn_as_it_is() => StateMachineDiagram.VerifyDocument(_machine, "docs/sagas/deferral.md");
}
