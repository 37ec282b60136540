using Mailkey.Agreements.Callbacks;
using Mailkey.Agreements.Negotiation;
using Mailkey.Agreements.Negotiation.FirstContact;
using Mailkey.Hosting.Options;
using Mailkey.Testkit.Sagas;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Tests.Negotiation;

/// <summary>The sagas as they are drawn. Their steps are not taken here; the tests of the running service do that.</summary>
public sealed class SagaTests
{
    private static readonly IOptions<MailkeyOptions> Settings = Options.Create(new MailkeyOptions());

    private readonly NegotiationStateMachine _negotiation = new(new(null!, null!, null!, null!, Settings, TimeProvider.System));
    private readonly FirstContactStateMachine _contact = new(new(null!, null!, null!, Settings, TimeProvider.System));
    private readonly CallbackStateMachine _callback = new(new(Settings, TimeProvider.System, NullLogger<CallbackBehaviors>.Instance));

    [Fact]
    public void NegotiationStateMachine_has_an_answer_to_every_event_in_every_state() => StateMachineCompleteness.Verify(_negotiation);

    [Fact]
    public void NegotiationStateMachine_is_drawn_as_it_is() => StateMachineDiagram.VerifyDocument(_negotiation, "docs/sagas/negotiation.md");

    [Fact]
    public void FirstContactStateMachine_has_an_answer_to_every_event_in_every_state() => StateMachineCompleteness.Verify(_contact);

    [Fact]
    public void FirstContactStateMachine_is_drawn_as_it_is() => StateMachineDiagram.VerifyDocument(_contact, "docs/sagas/first-contact.md");

    [Fact]
    public void CallbackStateMachine_has_an_answer_to_every_event_in_every_state() => StateMachineCompleteness.Verify(_callback);

    [Fact]
    public void CallbackStateMachine_is_drawn_as_it_is() => StateMachineDiagram.VerifyDocument(_callback, "docs/sagas/callbacks.md");
}
