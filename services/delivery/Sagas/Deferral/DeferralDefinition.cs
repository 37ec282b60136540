using Mailkey.Hosting.Options;
using Mailkey.Messaging.Sagas;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Sagas.Deferral;

/// <summary>The queue <c>deferral</c>.</summary>
internal sealed class DeferralDefinition : SagaDefinition<DeferralState>
{
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

        // A disk or a database that is away for a moment.
        endpointConfigurator.UseMessageRetry(retry =>
        {
            retry.Ignore<UnknownDeferralException>();
            retry.Ignore<ConcurrencyException>();
            retry.Intervals(500, 2000, 10_000);
        });
        endpointConfigurator.UseSagaRetry();
    }
}
