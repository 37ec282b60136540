using Mailkey.Messaging;
using MassTransit;

namespace Mailkey.Agreements.Negotiation.FirstContact;

/// <summary>The queue <c>agreement-first-contact</c>.</summary>
public sealed class FirstContactDefinition : SagaDefinition<FirstContactState>
{
    /// <summary>Where facts about organisations go.</summary>
    public static readonly Uri Address = new($"exchange:{DurableQueue.AgreementFirstContact}");

    private const int Partitions = 8;

    public FirstContactDefinition() => Endpoint(endpoint =>
    {
        endpoint.Name = DurableQueue.AgreementFirstContact;
        endpoint.ConcurrentMessageLimit = Partitions;
    });

    protected override void ConfigureSaga(
        IReceiveEndpointConfigurator endpointConfigurator, ISagaConfigurator<FirstContactState> sagaConfigurator, IRegistrationContext context)
    {
        endpointConfigurator.UseNegotiationRetry();
        var line = endpointConfigurator.CreatePartitioner(Partitions);
        sagaConfigurator.Message<ProofsDue>(m => m.UsePartitioner(line, c => FirstContactState.IdOf(c.Message.Domain)));
        sagaConfigurator.Message<WaitingBegun>(m => m.UsePartitioner(line, c => FirstContactState.IdOf(c.Message.Domain)));
        sagaConfigurator.Message<JudgementDue>(m => m.UsePartitioner(line, c => FirstContactState.IdOf(c.Message.Domain)));
        sagaConfigurator.Message<OrganizationAdmitted>(m => m.UsePartitioner(line, c => FirstContactState.IdOf(c.Message.Domain)));
        sagaConfigurator.Message<OrganizationHeld>(m => m.UsePartitioner(line, c => FirstContactState.IdOf(c.Message.Domain)));
        sagaConfigurator.Message<ContactClosed>(m => m.UsePartitioner(line, c => FirstContactState.IdOf(c.Message.Domain)));
        sagaConfigurator.Message<ContactDeadlineDue>(m => m.UsePartitioner(line, c => c.Message.ContactId));
        sagaConfigurator.Message<ProofLookDue>(m => m.UsePartitioner(line, c => c.Message.ContactId));
    }
}
