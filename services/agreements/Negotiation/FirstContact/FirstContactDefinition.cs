using Mailkey.Messaging;

namespace Mailkey.Agreements.Negotiation.FirstContact;

/// <summary>The queue <c>agreement-first-contact</c>.</summary>
public sealed class FirstContactDefinition : PartitionedSagaDefinition<FirstContactState>
{
    /// <summary>Where facts about organisations go.</summary>
    public static readonly Uri Address = new($"exchange:{DurableQueue.AgreementFirstContact}");

    public FirstContactDefinition()
        : base(DurableQueue.AgreementFirstContact, partitions: 8)
    {
        Partition<ProofsDue>(m => FirstContactState.IdOf(m.Domain));
        Partition<WaitingBegun>(m => FirstContactState.IdOf(m.Domain));
        Partition<JudgementDue>(m => FirstContactState.IdOf(m.Domain));
        Partition<OrganizationAdmitted>(m => FirstContactState.IdOf(m.Domain));
        Partition<OrganizationHeld>(m => FirstContactState.IdOf(m.Domain));
        Partition<ContactClosed>(m => FirstContactState.IdOf(m.Domain));
        Partition<ContactDeadlineDue>(m => m.ContactId);
        Partition<ProofLookDue>(m => m.ContactId);
    }
}
