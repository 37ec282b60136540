using System.Text.Json;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Organizations;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger;
using Mailkey.Ledger.Events;
using Mailkey.Ledger.Subscriptions;

namespace Mailkey.Agreements.Ledger;

/// <summary>The ledger of agreements: its events, its streams, and the read models that are made of them.</summary>
public static class AgreementsLedger
{
    /// <summary>The schema that this service owns.</summary>
    public const string Schema = "agreements";

    /// <summary>Every event type that was ever stored.</summary>
    public static EventCatalog Catalog { get; } = NewCatalog();

    /// <summary>A row for each agreement, of any status.</summary>
    public static Projection Agreements { get; } = new AggregateProjection<AgreementState>(
        "agreement-list",
        "agreement-",
        AgreementState.None,
        Evolve,
        AgreementsJson.Default.AgreementState,
        [
            new("account", state => state.Account, Indexed: true),
            new("forwarder", state => state.Forwarder, Indexed: true),
            new("recipient", state => state.Recipient),
            new("category", state => state.Category),
            new("subscription", state => state.Subscription),
            new("status", state => Word(state.Status.ToString())),
            new("address", state => state.Address, Indexed: true),
        ],
        ["account", "created_at", "id"],
        ["forwarder", "changed_at", "id"],
        ["status", "changed_at", "id"],
        ["recipient", "forwarder", "subscription"]);

    /// <summary>A row for each organisation that ever made contact.</summary>
    public static Projection Organizations { get; } = new AggregateProjection<OrganizationState>(
        "organization-list",
        "organization-",
        OrganizationState.None,
        Evolve,
        AgreementsJson.Default.OrganizationState,
        [
            new("domain", state => state.Domain, Indexed: true),
            new("status", state => Word(state.Status.ToString())),
            new("trust", state => Word(state.Trust.ToString())),
        ],
        ["status", "changed_at", "id"]);

    /// <summary>All read models.</summary>
    public static IReadOnlyList<Projection> Projections { get; } = [Agreements, Organizations];

    /// <summary>The steps that make the tables.</summary>
    public static SchemaMigration[] Migrations() =>
    [
        .. PostgresEventStore.Migrations(Schema),
        .. SubscriptionReader.Migrations(Schema),
        .. Projections.Select(projection => new SchemaMigration(Schema, $"{projection.Name}-1", projection.CreateTables(Schema))),
        .. Projections.Select(projection => new SchemaMigration(Schema, $"{projection.Name}-2", projection.CreateIndexes(Schema))),
        .. DeskLoads.Migrations(Schema),
    ];

    /// <summary>The state of an agreement after one more event.</summary>
    public static AgreementState Evolve(AgreementState state, object happened) =>
        happened is AgreementEvent e ? Agreement.Evolve(state, e) : throw new InvalidOperationException($"{happened.GetType().Name} is no event of an agreement.");

    /// <summary>The state of an organisation after one more event.</summary>
    public static OrganizationState Evolve(OrganizationState state, object happened) =>
        happened is OrganizationEvent e ? Organization.Evolve(state, e) : throw new InvalidOperationException($"{happened.GetType().Name} is no event of an organisation.");

    /// <summary>Who has a subscription, after one more event.</summary>
    public static SubscriptionState Evolve(SubscriptionState state, object happened) =>
        happened is SubscriptionReserved e ? new(e.AgreementId) : throw new InvalidOperationException($"{happened.GetType().Name} is no event of a subscription.");

    // As the words stand in JSON.
    private static string Word(string name) => JsonNamingPolicy.KebabCaseLower.ConvertName(name);

    private static EventCatalog NewCatalog()
    {
        var catalog = new EventCatalog();
        foreach (var (name, type) in AgreementEvents.All.Concat(OrganizationEvents.All))
        {
            catalog.Add(name, AgreementsJson.Default.GetTypeInfo(type) ?? throw new InvalidOperationException($"{type.Name} has no JSON."));
        }

        catalog.Add(EventNameAttribute.Of(typeof(SubscriptionReserved)), AgreementsJson.Default.SubscriptionReserved);

        return catalog;
    }
}
