using MassTransit;

namespace Mailkey.Agreements.Negotiation.FirstContact;

/// <summary>
/// Goes the long way with an organisation: proofs, waiting, a person if need be; and when it is in, looks whether its proofs still hold. As
/// the saga of agreements it gives commands and decides nothing.
/// </summary>
public sealed class FirstContactStateMachine : MassTransitStateMachine<FirstContactState>
{
    private readonly FirstContactBehaviors _contact;

    public FirstContactStateMachine(FirstContactBehaviors contact)
    {
        _contact = contact;
        InstanceState(saga => saga.CurrentState);
        Event(() => ProofsDue, e => e.CorrelateById(context => FirstContactState.IdOf(context.Message.Domain)));
        Event(() => WaitingBegun, e => e.CorrelateById(context => FirstContactState.IdOf(context.Message.Domain)));
        Event(() => JudgementDue, e => e.CorrelateById(context => FirstContactState.IdOf(context.Message.Domain)));
        Event(() => Admitted, e => e.CorrelateById(context => FirstContactState.IdOf(context.Message.Domain)));
        Event(() => Held, e => e.CorrelateById(context => FirstContactState.IdOf(context.Message.Domain)));
        Event(() => ContactClosed, e => e.CorrelateById(context => FirstContactState.IdOf(context.Message.Domain)));
        Schedule(() => Deadline, saga => saga.DeadlineToken, schedule => schedule.Received = due =>
        {
            due.CorrelateById(context => context.Message.ContactId);
            due.OnMissingInstance(missing => missing.Discard());
        });
        Schedule(() => Look, saga => saga.LookToken, schedule => schedule.Received = due =>
        {
            due.CorrelateById(context => context.Message.ContactId);
            due.OnMissingInstance(missing => missing.Discard());
        });

        Initially([.. Facts()]);
        DuringAny([.. Facts()]);
        DuringAny(
            Ignore(ProofsDue, context => !IsNews(context.Saga, context.Message.Version)),
            Ignore(WaitingBegun, context => !IsNews(context.Saga, context.Message.Version)),
            Ignore(JudgementDue, context => !IsNews(context.Saga, context.Message.Version)),
            Ignore(Admitted, context => !IsNews(context.Saga, context.Message.Version)),
            Ignore(Held, context => !IsNews(context.Saga, context.Message.Version)),
            Ignore(ContactClosed, context => !IsNews(context.Saga, context.Message.Version)));

        During(Proving,
            Timed(When(Look.Received).ThenAsync(contact.LookForProofAsync)),
            Timed(When(Deadline.Received).ThenAsync(contact.GiveUpAsync)));
        During([Waiting, AwaitingApproval],
            Timed(When(Look.Received).ThenAsync(contact.LookAgainAsync)),
            Timed(When(Deadline.Received).ThenAsync(contact.CheckDeadlinesAsync)));
        During([Verified, Suspended],
            Timed(When(Look.Received).ThenAsync(contact.LookAgainAsync)),
            Ignore(Deadline.Received));

        // It is kept: what comes late is older than what it knows, and a new contact goes on from here.
        During(Closed,
            Ignore(Look.Received),
            Ignore(Deadline.Received));
    }

    /// <summary>Its record is looked for; the proof of its key comes with its requests.</summary>
    public State Proving { get; } = null!;

    /// <summary>Time passes.</summary>
    public State Waiting { get; } = null!;

    /// <summary>An operator has to look at it.</summary>
    public State AwaitingApproval { get; } = null!;

    /// <summary>It may propose agreements; its proofs are looked at from time to time.</summary>
    public State Verified { get; } = null!;

    /// <summary>It may not for now, and its agreements rest; a proof that comes back is seen.</summary>
    public State Suspended { get; } = null!;

    /// <summary>Refused, lapsed or banned.</summary>
    public State Closed { get; } = null!;

    public Event<ProofsDue> ProofsDue { get; } = null!;
    public Event<WaitingBegun> WaitingBegun { get; } = null!;
    public Event<JudgementDue> JudgementDue { get; } = null!;
    public Event<OrganizationAdmitted> Admitted { get; } = null!;
    public Event<OrganizationHeld> Held { get; } = null!;
    public Event<ContactClosed> ContactClosed { get; } = null!;

    /// <summary>The stage ends: by lapsing, and the waiting period by being over.</summary>
    public Schedule<FirstContactState, ContactDeadlineDue> Deadline { get; } = null!;

    /// <summary>The next look at the proofs.</summary>
    public Schedule<FirstContactState, ProofLookDue> Look { get; } = null!;

    private static bool IsNews(FirstContactState saga, long version) => version > saga.Known;

    private IEnumerable<EventActivities<FirstContactState>> Facts() =>
    [
        Timed(When(ProofsDue, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => FirstContactBehaviors.Hear(context.Saga, context.Message.Domain, context.Message.Version))
            .ThenAsync(_contact.BeginToLookAsync))
            .TransitionTo(Proving),
        Timed(When(WaitingBegun, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => FirstContactBehaviors.Hear(context.Saga, context.Message.Domain, context.Message.Version))
            .ThenAsync(_contact.FollowAsync))
            .TransitionTo(Waiting),
        Timed(When(JudgementDue, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => FirstContactBehaviors.Hear(context.Saga, context.Message.Domain, context.Message.Version))
            .ThenAsync(_contact.FollowAsync))
            .TransitionTo(AwaitingApproval),
        Timed(When(Admitted, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => FirstContactBehaviors.Hear(context.Saga, context.Message.Domain, context.Message.Version))
            .ThenAsync(_contact.FollowAsync)
            .ThenAsync(FirstContactBehaviors.RestOrWakeAsync))
            .TransitionTo(Verified),
        Timed(When(Held, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => FirstContactBehaviors.Hear(context.Saga, context.Message.Domain, context.Message.Version))
            .ThenAsync(_contact.FollowAsync)
            .ThenAsync(FirstContactBehaviors.RestOrWakeAsync))
            .TransitionTo(Suspended),
        Timed(When(ContactClosed, context => IsNews(context.Saga, context.Message.Version))
            .Then(context => FirstContactBehaviors.Hear(context.Saga, context.Message.Domain, context.Message.Version))
            .Then(context => FirstContactBehaviors.Close(context.Saga))
            .ThenAsync(FirstContactBehaviors.RestOrWakeAsync))
            .TransitionTo(Closed),
    ];

    // Sets the clocks as the step before left them.
    private EventActivityBinder<FirstContactState, T> Timed<T>(EventActivityBinder<FirstContactState, T> step)
        where T : class => step
        .IfElse(
            context => context.Saga.Deadline is not null,
            has => has.Schedule(Deadline, context => new ContactDeadlineDue(context.Saga.CorrelationId), context => context.Saga.Deadline!.Value.UtcDateTime),
            none => none.Unschedule(Deadline))
        .IfElse(
            context => context.Saga.LookAt is not null,
            has => has.Schedule(Look, context => new ProofLookDue(context.Saga.CorrelationId), context => context.Saga.LookAt!.Value.UtcDateTime),
            none => none.Unschedule(Look));
}
