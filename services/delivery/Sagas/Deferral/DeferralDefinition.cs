using Mailkey.Hosting.Options;
using Mailkey.Messaging.Sagas;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Sagas.Deferral;

/// <summary>The queue <c>deferral</c>.</summary>
internal sealed class DeferralDefinition : SagaDefinition<DeferralState>
{
    private const int Partitions = 32;

    public DeferralDefinition(IOptions<MailkeyOptions> options)
    {
        EndpointName = "deferral";
        ConcurrentMessageLimit = options.Value.Delivery.Concurrency;
    }

    protected override void ConfigureSaga(IReceiveEndpointConfigurator endpointConfigurator, ISagaConfigurator<DeferralState> sagaConfigurator, IRegistrationContext context)
    {
        endpointConfigurator.UseMessageRetry(retry =>
        {
            retry.Handle<UnknownDeferralException>();
            retry.Intervals(200, 500, 1000, 2000, 5000);
        });

        // A disk that is away for a moment.
        endpointConfigurator.UseMessageRetry(retry =>
        {
            retry.Ignore<UnknownDeferralException>();
            retry.Ignore<ConcurrencyException>();
            retry.Intervals(200, 1000, 3000);
        });
        endpointConfigurator.UseSagaRetry();

        // Messages of one saga one after another, at least within this process: fewer conflicts.
        var partitions = endpointConfigurator.CreatePartitioner(Partitions);
        sagaConfigurator.Message<MessageDeferred>(m => m.UsePartitioner(partitions, c => DeferralState.IdOf(c.Message.QueueId)));
        sagaConfigurator.Message<AttemptFinished>(m => m.UsePartitioner(partitions, c => DeferralState.IdOf(c.Message.QueueId)));
        sagaConfigurator.Message<RetryDue>(m => m.UsePartitioner(partitions, c => c.Message.DeferralId));
        sagaConfigurator.Message<AttemptOverdue>(m => m.UsePartitioner(partitions, c => c.Message.DeferralId));
        sagaConfigurator.Message<DelayWarningDue>(m => m.UsePartitioner(partitions, c => c.Message.DeferralId));
    }
}
