using MassTransit;

namespace Mailkey.Bounces.Sagas.Advisory;

/// <summary>
/// One advisory for each domain, cause and period. The grant is written as a timer that is due at once, in the statement
/// that writes the instance: so two requests at the same time can't both get it, and none is lost by a crash between
/// "decided" and "sent".
/// </summary>
public sealed class AdvisoryStateMachine : MassTransitStateMachine<AdvisoryState>
{
    public AdvisoryStateMachine()
    {
        InstanceState(state => state.CurrentState);

        Event(() => Requested, request => request.CorrelateById(context => AdvisoryState.IdOf(context.Message.Domain, context.Message.Cause)));
        Schedule(() => Period, state => state.PeriodTimer, period => period.Received = ended =>
        {
            ended.CorrelateById(context => context.Message.CorrelationId);

            // A timer delivered twice finds its instance gone.
            ended.OnMissingInstance(missing => missing.Discard());
        });

        Initially(
            When(Requested)
                .RememberAdvisory()
                .GrantInSameWrite()
                .Schedule(Period, context => new AdvisoryPeriodEnded { CorrelationId = context.Saga.CorrelationId }, context => context.Message.QuietUntil.UtcDateTime)
                .TransitionTo(Advised));

        During(Advised,
            Ignore(Requested, context => context.Saga.OrderId == context.Message.Order.OrderId),
            When(Requested, context => context.Saga.OrderId != context.Message.Order.OrderId)
                .SuppressByLimit(),
            When(Period.Received)
                .Finalize());

        SetCompletedWhenFinalized();
    }

    /// <summary>The domain was told, and hears no more of the cause.</summary>
    public State Advised { get; } = null!;

    public Event<AdvisoryRequested> Requested { get; } = null!;

    public Schedule<AdvisoryState, AdvisoryPeriodEnded> Period { get; } = null!;
}
