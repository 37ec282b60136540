using MassTransit;

namespace Mailkey.Agreements.Callbacks;

/// <summary>
/// Tells a forwarder what became of one agreement, in the order in which it happened: nothing is told before what was there before it. What
/// binds binds without it; this is so that the other side need not ask.
/// </summary>
public sealed class CallbackStateMachine : MassTransitStateMachine<CallbackState>
{
    private readonly CallbackBehaviors _callback;

    public CallbackStateMachine(CallbackBehaviors callback)
    {
        _callback = callback;
        InstanceState(saga => saga.CurrentState);
        Event(() => ToTell, e => e.CorrelateById(context => CallbackState.IdOf(context.Message.AgreementId)));
        Event(() => Called, e =>
        {
            e.CorrelateById(context => CallbackState.IdOf(context.Message.AgreementId));
            e.OnMissingInstance(missing => missing.Discard());
        });
        Event(() => Resumed, e =>
        {
            e.CorrelateById(context => CallbackState.IdOf(context.Message.AgreementId));
            e.OnMissingInstance(missing => missing.Discard());
        });
        Schedule(() => Retry, saga => saga.RetryToken, schedule => schedule.Received = due =>
        {
            due.CorrelateById(context => context.Message.CallbackId);
            due.OnMissingInstance(missing => missing.Discard());
        });
        Schedule(() => Overdue, saga => saga.OverdueToken, schedule => schedule.Received = due =>
        {
            due.CorrelateById(context => context.Message.CallbackId);
            due.OnMissingInstance(missing => missing.Discard());
        });

        Initially(
            Call(When(ToTell).Then(context => CallbackBehaviors.Hear(context.Saga, context.Message))));

        During(Quiet,
            Ignore(ToTell, context => context.Message.Version <= context.Saga.Told),
            Call(When(ToTell, context => context.Message.Version > context.Saga.Told).Then(context => CallbackBehaviors.Hear(context.Saga, context.Message))),
            Ignore(Called),
            Ignore(Resumed),
            Ignore(Retry.Received),
            Ignore(Overdue.Received));

        During(Calling,
            When(ToTell)
                .Then(context => CallbackBehaviors.Hear(context.Saga, context.Message)),
            Ignore(Called, context => context.Message.Attempt != context.Saga.Attempts),
            Settle(When(Called, context => context.Message.Attempt == context.Saga.Attempts)
                .Unschedule(Overdue)
                .Then(callback.Apply)),
            Settle(When(Overdue.Received)
                .Then(context => callback.Fail(context.Saga, "the call did not end"))),
            Ignore(Resumed),
            Ignore(Retry.Received));

        During(Waiting,
            When(ToTell)
                .Then(context => CallbackBehaviors.Hear(context.Saga, context.Message)),
            Call(When(Retry.Received)),
            Call(When(Resumed)
                .Unschedule(Retry)),

            // A call that was given up for lost, and was not: what it told is told.
            When(Called)
                .Then(context => CallbackBehaviors.Advance(context.Saga, context.Message.Told)),
            Ignore(Overdue.Received));

        During(GivenUp,
            Ignore(ToTell, context => context.Message.Version <= context.Saga.Known),
            Call(When(ToTell, context => context.Message.Version > context.Saga.Known)
                .Then(context => CallbackBehaviors.Hear(context.Saga, context.Message))
                .Then(context => CallbackBehaviors.BeginAnew(context.Saga))),
            Call(When(Resumed)
                .Then(context => CallbackBehaviors.BeginAnew(context.Saga))),
            When(Called)
                .Then(context => CallbackBehaviors.Advance(context.Saga, context.Message.Told)),
            Ignore(Retry.Received),
            Ignore(Overdue.Received));
    }

    /// <summary>The forwarder knows everything.</summary>
    public State Quiet { get; } = null!;

    /// <summary>A call is under way.</summary>
    public State Calling { get; } = null!;

    /// <summary>The forwarder could not be told; later again.</summary>
    public State Waiting { get; } = null!;

    /// <summary>It could not be told for too long. An operator may resume it, and the next thing to tell does.</summary>
    public State GivenUp { get; } = null!;

    public Event<AgreementToTell> ToTell { get; } = null!;
    public Event<ForwarderCalled> Called { get; } = null!;
    public Event<ResumeCallbacks> Resumed { get; } = null!;
    public Schedule<CallbackState, CallbackRetryDue> Retry { get; } = null!;
    public Schedule<CallbackState, CallOverdue> Overdue { get; } = null!;

    private EventActivityBinder<CallbackState, T> Call<T>(EventActivityBinder<CallbackState, T> step)
        where T : class => step
        .ThenAsync(_callback.CommandCallAsync)
        .Schedule(Overdue, context => new CallOverdue(context.Saga.CorrelationId), _ => _callback.OverdueAt())
        .TransitionTo(Calling);

    private EventActivityBinder<CallbackState, T> Settle<T>(EventActivityBinder<CallbackState, T> step)
        where T : class => step
        .IfElse(
            context => context.Saga.IsGivenUp,
            lost => lost
                .ThenAsync(CallbackBehaviors.BuryAsync)
                .TransitionTo(GivenUp),
            not => not.IfElse(
                context => context.Saga.Failures > 0,
                failed => failed
                    .Schedule(Retry, context => new CallbackRetryDue(context.Saga.CorrelationId), context => _callback.RetryAt(context.Saga))
                    .TransitionTo(Waiting),
                told => told.IfElse(
                    context => context.Saga.Told < context.Saga.Known,
                    more => Call(more),
                    all => all.TransitionTo(Quiet))));
}
