using MassTransit;

namespace Mailkey.Delivery.Sagas.Deferral;

/// <summary>
/// Waits and tries again until each recipient has the message, has refused it, or time is up. An attempt is made by
/// whichever delivery process takes the command; the saga only keeps the books.
/// </summary>
internal sealed class DeferralStateMachine : MassTransitStateMachine<DeferralState>
{
    public DeferralStateMachine(DeferralBehaviors deferral)
    {
        InstanceState(saga => saga.CurrentState);
        Event(() => Deferred, e => e.CorrelateById(context => DeferralState.IdOf(context.Message.QueueId)));
        Event(() => Finished, e =>
        {
            e.CorrelateById(context => DeferralState.IdOf(context.Message.QueueId));
            e.OnMissingInstance(missing => missing.ExecuteAsync(UnknownDeferral.RetryFirstAsync));
        });
        Schedule(() => Retry, saga => saga.RetryToken, schedule => schedule.Received = due =>
        {
            due.CorrelateById(context => context.Message.DeferralId);
            due.OnMissingInstance(missing => missing.Discard());
        });
        Schedule(() => Overdue, saga => saga.OverdueToken, schedule => schedule.Received = due =>
        {
            due.CorrelateById(context => context.Message.DeferralId);
            due.OnMissingInstance(missing => missing.Discard());
        });
        Schedule(() => DelayWarning, saga => saga.DelayWarningToken, schedule => schedule.Received = due =>
        {
            due.CorrelateById(context => context.Message.DeferralId);
            due.OnMissingInstance(missing => missing.Discard());
        });

        Initially(
            When(Deferred)
                .Then(deferral.Begin)
                .Schedule(DelayWarning, context => new DelayWarningDue(context.Saga.CorrelationId), context => deferral.UntilDelayWarning(context.Saga))
                .IfElse(
                    context => context.Message.UnderWay.Count > 0,
                    running => running
                        .Schedule(Overdue, context => new AttemptOverdue(context.Saga.CorrelationId), _ => DeferralBehaviors.LongestAttempt)
                        .TransitionTo(Attempting),
                    ended => WaitOrEnd(ended, deferral)));

        During(Waiting,
            When(Retry.Received)
                .Then(context => context.Saga.Attempts++)
                .Schedule(Overdue, context => new AttemptOverdue(context.Saga.CorrelationId), _ => DeferralBehaviors.LongestAttempt)
                .ThenAsync(deferral.CommandAttemptAsync)
                .TransitionTo(Attempting),
            When(Finished)
                // An attempt that was given up for lost, and was not.
                .ThenAsync(deferral.ApplyAsync)
                .If(context => context.Saga.Pending.Count == 0, done => End(done, deferral)),
            When(Deferred).Then(deferral.Narrow),
            When(DelayWarning.Received).ThenAsync(deferral.WarnAsync),
            Ignore(Overdue.Received));

        During(Attempting,
            When(Finished)
                .ThenAsync(deferral.ApplyAsync)
                .IfElse(
                    context => context.Message.Attempt == context.Saga.Attempts || context.Saga.Pending.Count == 0,
                    ended => WaitOrEnd(ended.Unschedule(Overdue), deferral),
                    late => late),
            WaitOrEnd(When(Overdue.Received), deferral),
            When(Deferred).Then(deferral.Narrow),
            When(DelayWarning.Received).ThenAsync(deferral.WarnAsync),
            Ignore(Retry.Received));

        SetCompletedWhenFinalized();
    }

    /// <summary>The next attempt has its time.</summary>
    public State Waiting { get; } = null!;

    /// <summary>Some process works on it.</summary>
    public State Attempting { get; } = null!;

    public Event<MessageDeferred> Deferred { get; } = null!;
    public Event<AttemptFinished> Finished { get; } = null!;
    public Schedule<DeferralState, RetryDue> Retry { get; } = null!;
    public Schedule<DeferralState, AttemptOverdue> Overdue { get; } = null!;
    public Schedule<DeferralState, DelayWarningDue> DelayWarning { get; } = null!;

    private EventActivityBinder<DeferralState, T> WaitOrEnd<T>(EventActivityBinder<DeferralState, T> binder, DeferralBehaviors deferral)
        where T : class =>
        binder.IfElse(
            context => deferral.IsOver(context.Saga),
            over => End(over, deferral),
            wait => wait
                .Then(deferral.NoteDeferrals)
                .Schedule(Retry, context => new RetryDue(context.Saga.CorrelationId), context => deferral.UntilRetry(context.Saga))
                .TransitionTo(Waiting));

    private EventActivityBinder<DeferralState, T> End<T>(EventActivityBinder<DeferralState, T> binder, DeferralBehaviors deferral)
        where T : class =>
        binder
            .ThenAsync(deferral.ExpireAsync)
            .ThenAsync(deferral.ReleaseAsync)
            .Unschedule(Retry)
            .Unschedule(Overdue)
            .Unschedule(DelayWarning)
            .Finalize();
}
