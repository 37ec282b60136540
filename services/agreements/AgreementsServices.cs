using Mailkey.Agreements.Accounts;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Api;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Lookups;
using Mailkey.Agreements.Negotiation;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Portal;
using Mailkey.Agreements.Reports;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger;
using Mailkey.Ledger.Events;
using Mailkey.Ledger.Subscriptions;
using Mailkey.Messaging;
using Mailkey.Messaging.Journal;
using Mailkey.Messaging.Publication;
using Npgsql;

namespace Mailkey.Agreements;

/// <summary>Everything that the agreements service registers.</summary>
public static class AgreementsServices
{
    public static IServiceCollection AddAgreements(this IServiceCollection services)
    {
        services.AddSchemaMigrations(AgreementsLedger.Migrations());
        services.AddSingleton(provider => new PostgresEventStore(provider.GetRequiredService<NpgsqlDataSource>(), AgreementsLedger.Schema, announce: true));
        services.AddSingleton<IEventStore>(provider => provider.GetRequiredService<PostgresEventStore>());
        services.AddSingleton(AgreementsLedger.Catalog);
        services.AddSingleton(provider => NewAggregates(provider, AgreementState.None, AgreementsLedger.Evolve));
        services.AddSingleton(provider => NewAggregates(provider, OrganizationState.None, AgreementsLedger.Evolve));
        services.AddDesk();
        services.AddAccounts();
        services.AddPortal();
        services.AddAgreementsApi();
        services.AddSingleton<SubscriptionReader>();
        services.AddHostedService(provider => new SubscriptionService(
            provider.GetRequiredService<SubscriptionReader>(),
            provider.GetRequiredService<PostgresEventStore>(),
            provider.GetRequiredService<NpgsqlDataSource>(),
            AgreementsLedger.Schema,
            AgreementsLedger.Projections,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SubscriptionService>>()));

        // The one place where what this service consumes is added to its bus.
        services.AddNegotiation();
        services.AddMailkeyBus(bus =>
        {
            bus.AddNegotiation();
            bus.AddReports();
        });
        services.AddJournal();
        services.AddEventPublication(AgreementsLedger.Schema);
        services.AddLookups();
        services.AddReports();
        return services;
    }

    private static Aggregates<TState> NewAggregates<TState>(IServiceProvider provider, TState initial, Func<TState, object, TState> evolve) =>
        new(provider.GetRequiredService<IEventStore>(), AgreementsLedger.Catalog, initial, evolve, provider.GetRequiredService<TimeProvider>());
}
