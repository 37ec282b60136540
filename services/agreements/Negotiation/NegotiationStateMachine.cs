using MassTransit;

namespace Mailkey.Agreements.Negotiation;

/// <summary>
/// Drives one agreement from the proposal to its end. It decides nothing: it gives the commands that time or an answer calls for, and the model
/// says what follows. Where the agreement is, it hears from the events; what it did not hear in time it finds out when it looks.
/// </summary>
public sealed class NegotiationStateMachine : MassTransitStateMachine<NegotiationState>
{
    private readonly NegotiationBehaviors _negotiation;

    public NegotiationStateMachine(NegotiationBehaviors negotiation)
    {
        _negotiation = negotiation;
        InstanceState(saga => saga.CurrentState);
        Event(() => ProofDue, e => e.CorrelateById(context => NegotiationState.IdOf(context.Message.AgreementId)));
        Event(() => ConsentDue, e => e.CorrelateById(context => NegotiationState.IdOf(context.Message.AgreementId)));
        Event(() => ApprovalDue, e => e.CorrelateById(context => NegotiationState.IdOf(context.Message.AgreementId)));
        Event(() => Binds, e => e.CorrelateById(context => NegotiationState.IdOf(context.Message.AgreementId)));
        Event(() => Over, e => e.CorrelateById(context => NegotiationState.IdOf(context.Message.AgreementId)));
        Schedule(() => Deadline, saga => saga.DeadlineToken, schedule => schedule.Received = due =>
        {
            due.CorrelateById(context => context.Message.NegotiationId);
            due.OnMissingInstance(missing => missing.Discard());
        });
        Schedule(() => Look, saga => saga.LookToken, schedule => schedule.Received = due =>
        {
            due.CorrelateById(context => context.Message.NegotiationId);
            due.OnMissingInstance(missing => missing.Discard());
        });

        Initially([.. Facts()]);
        DuringAny([.. Facts()]);
        DuringAny(
            Ignore(ProofDue, context => !IsNews(context.Saga, context.Message.Version)),
            Ignore(ConsentDue, context => !IsNews(context.Saga, context.Message.Version)),
            Ignore(ApprovalDue, context => !IsNews(context.Saga, context.Message.Version)),
            Ignore(Binds, context => !IsNews(context.Saga, context.Message.Version)),
            Ignore(Over, context => !IsNews(context.Saga, context.Message.Version)));

        During(AwaitingProof,
            Timed(When(Look.Received).ThenAsync(negotiation.ProveAsync)),
            Expiring(When(Deadline.Received)));
        During(AwaitingConsent,
            Timed(When(Look.Received).ThenAsync(negotiation.RemindAsync)),
            Expiring(When(Deadline.Received)));
        During(AwaitingApproval,
            Ignore(Look.Received),
            Expiring(When(Deadline.Received)));
        During(InForce,
            Timed(When(Look.Received).ThenAsync(negotiation.CareAsync)),
            Expiring(When(Deadline.Received)));

        // What is late finds that it is late; a negotiation that is resumed goes on.
        During(Ended,
            Ignore(Look.Received),
            When(Deadline.Received).Finalize());

        SetCompletedWhenFinalized();
    }

    /// <summary>The organisation behind the proposal is being looked at.</summary>
    public State AwaitingProof { get; } = null!;

    /// <summary>The user is asked, or the forwarder's evidence is taken.</summary>
    public State AwaitingConsent { get; } = null!;

    /// <summary>An operator has to look at it.</summary>
    public State AwaitingApproval { get; } = null!;

    /// <summary>Trust is reviewed, and renegotiations have their time.</summary>
    public State InForce { get; } = null!;

    /// <summary>Nothing goes on; kept for a while so that what is late is known to be late.</summary>
    public State Ended { get; } = null!;

    public Event<ProofDue> ProofDue { get; } = null!;
    public Event<ConsentDue> ConsentDue { get; } = null!;
    public Event<ApprovalDue> ApprovalDue { get; } = null!;
    public Event<AgreementBinds> Binds { get; } = null!;
    public Event<AgreementEnded> Over { get; } = null!;

    /// <summary>Something in the agreement ends: a phase, terms that wait, or its own term.</summary>
    public Schedule<NegotiationState, DeadlineDue> Deadline { get; } = null!;

    /// <summary>The next look: at the organisation, for the user's answer, at the history.</summary>
    public Schedule<NegotiationState, LookDue> Look { get; } = null!;

    private static bool IsNews(NegotiationState saga, long version) => version > saga.Known;

    private IEnumerable<EventActivities<NegotiationState>> Facts() =>
    [
        Timed(When(ProofDue, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => NegotiationBehaviors.Hear(context.Saga, context.Message.AgreementId, context.Message.Version))
            .ThenAsync(_negotiation.ProveAsync))
            .TransitionTo(AwaitingProof),
        Timed(When(ConsentDue, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => NegotiationBehaviors.Hear(context.Saga, context.Message.AgreementId, context.Message.Version))
            .ThenAsync(_negotiation.AskAsync))
            .TransitionTo(AwaitingConsent),
        Timed(When(ApprovalDue, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => NegotiationBehaviors.Hear(context.Saga, context.Message.AgreementId, context.Message.Version))
            .ThenAsync(_negotiation.WaitAsync))
            .TransitionTo(AwaitingApproval),
        Timed(When(Binds, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => NegotiationBehaviors.Hear(context.Saga, context.Message.AgreementId, context.Message.Version))
            .ThenAsync(_negotiation.CareAsync))
            .TransitionTo(InForce),
        Timed(When(Over, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => NegotiationBehaviors.Hear(context.Saga, context.Message.AgreementId, context.Message.Version))
            .Then(context => _negotiation.End(context.Saga)))
            .TransitionTo(Ended),
    ];

    // The end is heard of as a fact. Should the saga have been made by a message that came after it, it is found here.
    private EventActivityBinder<NegotiationState, DeadlineDue> Expiring(EventActivityBinder<NegotiationState, DeadlineDue> due) =>
        Timed(due.ThenAsync(_negotiation.CheckDeadlinesAsync)).If(context => context.Saga.HasEnded, ended => ended.TransitionTo(Ended));

    // Sets the clocks as the step before left them.
    private EventActivityBinder<NegotiationState, T> Timed<T>(EventActivityBinder<NegotiationState, T> step)
        where T : class => step
        .IfElse(
            context => context.Saga.Deadline is not null,
            has => has.Schedule(Deadline, context => new DeadlineDue(context.Saga.CorrelationId), context => context.Saga.Deadline!.Value.UtcDateTime),
            none => none.Unschedule(Deadline))
        .IfElse(
            context => context.Saga.LookAt is not null,
            has => has.Schedule(Look, context => new LookDue(context.Saga.CorrelationId), context => context.Saga.LookAt!.Value.UtcDateTime),
            none => none.Unschedule(Look));
}
