using Mailkey.Messaging;
using MassTransit;

namespace Mailkey.Agreements.Negotiation;

/// <summary>The queue <c>agreement-negotiation</c>.</summary>
public sealed class NegotiationDefinition : SagaDefinition<NegotiationState>
{
    /// <summary>Where facts about agreements go.</summary>
    public static readonly Uri Address = new($"exchange:{DurableQueue.AgreementNegotiation}");

    private const int Partitions = 16;

    public NegotiationDefinition() => Endpoint(endpoint =>
    {
        endpoint.Name = DurableQueue.AgreementNegotiation;
        endpoint.ConcurrentMessageLimit = Partitions;
    });

    protected override void ConfigureSaga(
        IReceiveEndpointConfigurator endpointConfigurator, ISagaConfigurator<NegotiationState> sagaConfigurator, IRegistrationContext context)
    {
        endpointConfigurator.UseNegotiationRetry();

        // Messages of one agreement one after another, at least within this process: fewer conflicts.
        var line = endpointConfigurator.CreatePartitioner(Partitions);
        sagaConfigurator.Message<ProofDue>(m => m.UsePartitioner(line, c => NegotiationState.IdOf(c.Message.AgreementId)));
        sagaConfigurator.Message<ConsentDue>(m => m.UsePartitioner(line, c => NegotiationState.IdOf(c.Message.AgreementId)));
        sagaConfigurator.Message<ApprovalDue>(m => m.UsePartitioner(line, c => NegotiationState.IdOf(c.Message.AgreementId)));
        sagaConfigurator.Message<AgreementBinds>(m => m.UsePartitioner(line, c => NegotiationState.IdOf(c.Message.AgreementId)));
        sagaConfigurator.Message<AgreementEnded>(m => m.UsePartitioner(line, c => NegotiationState.IdOf(c.Message.AgreementId)));
        sagaConfigurator.Message<DeadlineDue>(m => m.UsePartitioner(line, c => c.Message.NegotiationId));
        sagaConfigurator.Message<LookDue>(m => m.UsePartitioner(line, c => c.Message.NegotiationId));
    }
}
