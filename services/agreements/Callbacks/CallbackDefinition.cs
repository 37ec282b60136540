using Mailkey.Agreements.Negotiation;
using Mailkey.Messaging;
using MassTransit;

namespace Mailkey.Agreements.Callbacks;

/// <summary>The queue <c>agreement-callbacks</c>.</summary>
public sealed class CallbackDefinition : SagaDefinition<CallbackState>
{
    /// <summary>Where news for forwarders go.</summary>
    public static readonly Uri Address = new($"exchange:{DurableQueue.AgreementCallbacks}");

    private const int Partitions = 16;

    public CallbackDefinition() => Endpoint(endpoint =>
    {
        endpoint.Name = DurableQueue.AgreementCallbacks;
        endpoint.ConcurrentMessageLimit = Partitions;
    });

    protected override void ConfigureSaga(
        IReceiveEndpointConfigurator endpointConfigurator, ISagaConfigurator<CallbackState> sagaConfigurator, IRegistrationContext context)
    {
        endpointConfigurator.UseNegotiationRetry();
        var line = endpointConfigurator.CreatePartitioner(Partitions);
        sagaConfigurator.Message<AgreementToTell>(m => m.UsePartitioner(line, c => CallbackState.IdOf(c.Message.AgreementId)));
        sagaConfigurator.Message<ForwarderCalled>(m => m.UsePartitioner(line, c => CallbackState.IdOf(c.Message.AgreementId)));
        sagaConfigurator.Message<ResumeCallbacks>(m => m.UsePartitioner(line, c => CallbackState.IdOf(c.Message.AgreementId)));
        sagaConfigurator.Message<CallbackRetryDue>(m => m.UsePartitioner(line, c => c.Message.CallbackId));
        sagaConfigurator.Message<CallOverdue>(m => m.UsePartitioner(line, c => c.Message.CallbackId));
    }
}
