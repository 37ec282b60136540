using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Credentials;
using Mailkey.Agreements.Ledger;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger;
using Mailkey.Ledger.Events;
using Mailkey.Ledger.Subscriptions;
using Mailkey.Messaging.Agreements;
using Npgsql;

namespace Mailkey.Agreements.Lookups;

/// <summary>What ingress and verifiers ask, and what they are told.</summary>
internal static class LookupServices
{
    public static IServiceCollection AddLookups(this IServiceCollection services)
    {
        services.AddSchemaMigrations(CredentialStore.Migration);
        services.AddSingleton<CredentialStore>();
        services.AddAgreementResponder<AgreementFinder>();

        // By itself: what a revocation says must not wait for the read models.
        services.AddSingleton<IHostedService>(provider => new SubscriptionService(
            provider.GetRequiredService<SubscriptionReader>(),
            provider.GetRequiredService<PostgresEventStore>(),
            provider.GetRequiredService<NpgsqlDataSource>(),
            AgreementsLedger.Schema,
            [new AgreementChanges(provider.GetRequiredService<Aggregates<AgreementState>>(), provider.GetRequiredService<IAgreementAnnouncer>())],
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SubscriptionService>>()));
        return services;
    }
}
