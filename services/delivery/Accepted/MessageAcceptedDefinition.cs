using Mailkey.Hosting.Options;
using Mailkey.Messaging;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Accepted;

/// <summary>The queue <c>delivery</c>.</summary>
internal sealed class MessageAcceptedDefinition : ConsumerDefinition<MessageAcceptedConsumer>
{
    public MessageAcceptedDefinition(IOptions<MailkeyOptions> options)
    {
        EndpointName = DurableQueue.Delivery;
        ConcurrentMessageLimit = options.Value.Delivery.Concurrency;
    }

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<MessageAcceptedConsumer> consumerConfigurator, IRegistrationContext context)
    {
        if (ConcurrentMessageLimit is { } limit)
        {
            endpointConfigurator.PrefetchCount = limit;
        }

        endpointConfigurator.UseMessageRetry(retry => retry.Intervals(200, 1000, 3000));
    }
}
