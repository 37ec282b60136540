using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Organizations;
using Mailkey.Messaging;
using Mailkey.Messaging.Sagas;
using MassTransit;
using Npgsql;

namespace Mailkey.Agreements.Negotiation;

/// <summary>Brings the agreements of an organisation in line with whether it may forward at present.</summary>
/// <param name="After">The stream that was last looked at; null to begin.</param>
public sealed record RestAgreements(string Domain, string? After);

/// <summary>
/// An organisation that may not forward has agreements that rest, and wakes them when it may again. There may be many: they are gone through in
/// portions, each a message, so that a restart goes on where it was.
/// </summary>
public sealed class OrganizationRest(AgreementDesk agreements, OrganizationDesk organizations, NpgsqlDataSource dataSource) : IConsumer<RestAgreements>
{
    private const int Portion = 200;

    /// <summary>What has to be done about one agreement; null for nothing.</summary>
    public static AgreementCommand? CommandFor(AgreementState state, OrganizationState organization)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(organization);
        if (state.Phase != AgreementPhase.InForce)
        {
            return null;
        }

        return state.Holds.Contains(Hold.Organization) == !organization.MayForward ? null
            : organization.MayForward ? new LiftSuspension(NegotiationBehaviors.Actor, Hold.Organization)
            : new Suspend(NegotiationBehaviors.Actor, "The organisation may not forward at present.");
    }

    public async Task Consume(ConsumeContext<RestAgreements> context)
    {
        var (domain, after) = (context.Message.Domain, context.Message.After);
        var organization = await organizations.LoadAsync(domain, context.CancellationToken);
        var streams = await StreamsAsync(domain, after, context.CancellationToken);
        foreach (var stream in streams)
        {
            if (AgreementId.TryParseStreamId(stream, out var id)
                && CommandFor((await agreements.LoadAsync(id, null, context.CancellationToken)).State, organization.State) is { } command)
            {
                await agreements.DecideAsync(id, command, $"organization:{organization.Version}", context.CancellationToken);
            }
        }

        if (streams.Count == Portion)
        {
            await context.SendSafelyAsync(OrganizationRestDefinition.Address, new RestAgreements(domain, streams[^1]));
        }
    }

    // The read model may be behind: what it does not know yet to be in force is looked at all the same, and what it does not have yet when it
    // comes into force.
    private async Task<List<string>> StreamsAsync(string domain, string? after, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT id FROM {AgreementsLedger.Schema}.agreement_list
            WHERE forwarder = $1 AND id > $2 AND status NOT IN ('refused', 'revoked', 'expired')
            ORDER BY id LIMIT {Portion}
            """);
        command.Parameters.Add(new() { Value = domain });
        command.Parameters.Add(new() { Value = after ?? "" });
        List<string> streams = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            streams.Add(reader.GetString(0));
        }

        return streams;
    }
}

/// <summary>The queue <c>agreement-rests</c>.</summary>
public sealed class OrganizationRestDefinition : ConsumerDefinition<OrganizationRest>
{
    /// <summary>Where the command goes.</summary>
    public static readonly Uri Address = new($"exchange:{DurableQueue.AgreementRests}");

    public OrganizationRestDefinition() => Endpoint(endpoint =>
    {
        endpoint.Name = DurableQueue.AgreementRests;
        endpoint.ConcurrentMessageLimit = 2;
    });

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<OrganizationRest> consumerConfigurator, IRegistrationContext context) =>
        endpointConfigurator.UseNegotiationRetry();
}
