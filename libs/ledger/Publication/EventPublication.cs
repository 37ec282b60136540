using Mailkey.Ledger.Subscriptions;

namespace Mailkey.Ledger.Publication;

/// <summary>
/// Publishes every committed event in the order of positions. The checkpoint moves when the publisher has confirmation, so that a crash
/// between the two repeats events and never leaves one out. Of several replicas one publishes at a time, because the checkpoint is locked
/// meanwhile: that is what keeps the order.
/// </summary>
/// <param name="name">The name of the checkpoint, for ever.</param>
public sealed class EventPublication(string name, IEventPublisher publisher) : Subscription
{
    public override string Name => name;

    public override async ValueTask HandleAsync(SubscriptionPage page, CancellationToken cancellationToken) =>
        await publisher.PublishAsync(page.Schema, page.Events, cancellationToken);
}
