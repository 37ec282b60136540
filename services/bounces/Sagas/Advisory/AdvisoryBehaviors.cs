using Mailkey.Bounces.Reporting;
using MassTransit;

namespace Mailkey.Bounces.Sagas.Advisory;

/// <summary>What the state machine does, by name.</summary>
public static class AdvisoryBehaviors
{
    public static EventActivityBinder<AdvisoryState, AdvisoryRequested> RememberAdvisory(this EventActivityBinder<AdvisoryState, AdvisoryRequested> binder) =>
        binder.Then(context =>
        {
            context.Saga.Domain = context.Message.Domain;
            context.Saga.Cause = context.Message.Cause;
            context.Saga.OrderId = context.Message.Order.OrderId;
            context.Saga.AdvisedAt = context.Message.At;
        });

    /// <summary>Schedules the grant for now: the timer is stored with the instance or not at all.</summary>
    public static EventActivityBinder<AdvisoryState, AdvisoryRequested> GrantInSameWrite(this EventActivityBinder<AdvisoryState, AdvisoryRequested> binder) =>
        binder.ThenAsync(context => context.ScheduleSend(
            AdvisoryDefinition.Address, context.Message.At.UtcDateTime, new AdvisoryGranted { Order = context.Message.Order }));

    public static EventActivityBinder<AdvisoryState, AdvisoryRequested> SuppressByLimit(this EventActivityBinder<AdvisoryState, AdvisoryRequested> binder) =>
        binder.Activity(activity => activity.OfType<SuppressByLimitActivity>());
}

/// <summary>Counts and journals a notification that was not made because the domain knows of the cause.</summary>
public sealed class SuppressByLimitActivity(ReportJournal journal) : IStateMachineActivity<AdvisoryState, AdvisoryRequested>
{
    public async Task Execute(BehaviorContext<AdvisoryState, AdvisoryRequested> context, IBehavior<AdvisoryState, AdvisoryRequested> next)
    {
        context.Saga.Suppressed++;
        var order = context.Message.Order;
        await journal.SuppressedAsync(
            order.OrderId, order.QueueId, order.Kind, order.Recipients.Select(recipient => new Suppression(recipient, SuppressionReason.Limit)), context.CancellationToken);
        await next.Execute(context);
    }

    public Task Faulted<TException>(BehaviorExceptionContext<AdvisoryState, AdvisoryRequested, TException> context, IBehavior<AdvisoryState, AdvisoryRequested> next)
        where TException : Exception => next.Faulted(context);

    public void Accept(StateMachineVisitor visitor) => visitor.Visit(this);

    public void Probe(ProbeContext context) => context.CreateScope("suppress-by-limit");
}
