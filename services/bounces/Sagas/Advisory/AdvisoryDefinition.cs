using Mailkey.Messaging;
using MassTransit;

namespace Mailkey.Bounces.Sagas.Advisory;

/// <summary>The saga shares the queue of the reports: what it answers with can't arrive before somebody listens.</summary>
public sealed class AdvisoryDefinition : SagaDefinition<AdvisoryState>
{
    /// <summary>Where requests go, and what was granted.</summary>
    public static readonly Uri Address = new($"exchange:{DurableQueue.Bounces}");

    /// <summary>Requests for different instances that are worked on at the same time.</summary>
    private const int Partitions = 16;

    public AdvisoryDefinition() => Endpoint(endpoint => endpoint.Name = DurableQueue.Bounces);

    /// <summary>
    /// Requests for one instance stand in line here. A forged domain brings them in bursts, and without the line each would
    /// lose its race against all others. Those of another process meet at the version of the instance.
    /// </summary>
    protected override void ConfigureSaga(
        IReceiveEndpointConfigurator endpointConfigurator, ISagaConfigurator<AdvisoryState> sagaConfigurator, IRegistrationContext context)
    {
        var line = endpointConfigurator.CreatePartitioner(Partitions);
        sagaConfigurator.Message<AdvisoryRequested>(message =>
            message.UsePartitioner(line, request => AdvisoryState.IdOf(request.Message.Domain, request.Message.Cause)));
    }
}
