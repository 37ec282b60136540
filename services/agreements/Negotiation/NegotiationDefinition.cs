using Mailkey.Messaging;

namespace Mailkey.Agreements.Negotiation;

/// <summary>The queue <c>agreement-negotiation</c>.</summary>
public sealed class NegotiationDefinition : PartitionedSagaDefinition<NegotiationState>
{
    /// <summary>Where facts about agreements go.</summary>
    public static readonly Uri Address = new($"exchange:{DurableQueue.AgreementNegotiation}");

    public NegotiationDefinition()
        : base(DurableQueue.AgreementNegotiation, partitions: 16)
    {
        Partition<ProofDue>(m => NegotiationState.IdOf(m.AgreementId));
        Partition<ConsentDue>(m => NegotiationState.IdOf(m.AgreementId));
        Partition<ApprovalDue>(m => NegotiationState.IdOf(m.AgreementId));
        Partition<AgreementBinds>(m => NegotiationState.IdOf(m.AgreementId));
        Partition<AgreementEnded>(m => NegotiationState.IdOf(m.AgreementId));
        Partition<DeadlineDue>(m => m.NegotiationId);
        Partition<LookDue>(m => m.NegotiationId);
    }
}
