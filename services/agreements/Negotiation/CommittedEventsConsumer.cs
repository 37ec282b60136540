using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Callbacks;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Negotiation.FirstContact;
using Mailkey.Agreements.Organizations;
using Mailkey.Contracts.Agreements;
using Mailkey.Messaging;
using MassTransit;

namespace Mailkey.Agreements.Negotiation;

/// <summary>
/// Tells the sagas what committed events came to. They are told where an agreement or an organisation is, not what happened: so it does not
/// matter if events come twice, or if two replicas take them in another order than they were published.
/// </summary>
public sealed class CommittedEventsConsumer(AgreementDesk agreements, OrganizationDesk organizations) : IConsumer<LedgerEventsCommitted>
{
    private const string OrganizationPrefix = "organization-";

    // What comes often and leads nowhere in the life of an agreement.
    private static readonly HashSet<string> Quiet = AgreementEvents.All
        .Where(e => e.Type == typeof(TrafficRecorded) || e.Type == typeof(ComplaintReceived) || e.Type == typeof(MisuseObserved)
            || e.Type == typeof(AddressAssigned) || e.Type == typeof(CredentialIssued) || e.Type == typeof(CredentialWithdrawn))
        .Select(e => e.Name)
        .ToHashSet(StringComparer.Ordinal);

    public async Task Consume(ConsumeContext<LedgerEventsCommitted> context)
    {
        if (context.Message.Ledger != AgreementsLedger.Schema)
        {
            return;
        }

        foreach (var stream in context.Message.Events.Where(e => !Quiet.Contains(e.Type)).GroupBy(e => e.StreamId, StringComparer.Ordinal))
        {
            if (AgreementId.TryParseStreamId(stream.Key, out var id))
            {
                var answer = await agreements.LoadAsync(id, null, context.CancellationToken);
                await context.SendSafelyAsync(NegotiationDefinition.Address, FactOf(id.ToString(), answer.Version, answer.State), context.CancellationToken);
                if (stream.Any(e => CallbackEvents.IsTold(e.Type)))
                {
                    await context.SendSafelyAsync(CallbackDefinition.Address, new AgreementToTell(id.ToString(), answer.Version), context.CancellationToken);
                }
            }
            else if (stream.Key.StartsWith(OrganizationPrefix, StringComparison.Ordinal))
            {
                var domain = stream.Key[OrganizationPrefix.Length..];
                var answer = await organizations.LoadAsync(domain, context.CancellationToken);
                await context.SendSafelyAsync(FirstContactDefinition.Address, FactOf(domain, answer.Version, answer.State), context.CancellationToken);
            }
        }
    }

    private static object FactOf(string id, long version, AgreementState state) => state.Phase switch
    {
        AgreementPhase.Proposed or AgreementPhase.AwaitingProof => new ProofDue(id, version),
        AgreementPhase.AwaitingConsent => new ConsentDue(id, version),
        AgreementPhase.AwaitingApproval => new ApprovalDue(id, version),
        AgreementPhase.InForce => new AgreementBinds(id, version),
        _ => new AgreementEnded(id, version),
    };

    private static object FactOf(string domain, long version, OrganizationState state) => state.Status switch
    {
        OrganizationStatus.AwaitingProof => new ProofsDue(domain, version),
        OrganizationStatus.Waiting => new WaitingBegun(domain, version),
        OrganizationStatus.AwaitingApproval => new JudgementDue(domain, version),
        OrganizationStatus.Verified => new OrganizationAdmitted(domain, version),
        OrganizationStatus.Suspended => new OrganizationHeld(domain, version),
        _ => new ContactClosed(domain, version),
    };
}

/// <summary>The queue <c>agreement-events</c>.</summary>
public sealed class CommittedEventsDefinition : ConsumerDefinition<CommittedEventsConsumer>
{
    private const int Concurrency = 8;

    public CommittedEventsDefinition() => Endpoint(endpoint =>
    {
        endpoint.Name = DurableQueue.AgreementEvents;
        endpoint.ConcurrentMessageLimit = Concurrency;
    });

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<CommittedEventsConsumer> consumerConfigurator, IRegistrationContext context) =>
        endpointConfigurator.UseNegotiationRetry();
}
