using Mailkey.Delivery.Accepted;
using Mailkey.Delivery.Attempts;
using Mailkey.Delivery.Maildir;
using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Reports;
using Mailkey.Delivery.Routing;
using Mailkey.Delivery.Sagas.Deferral;
using Mailkey.Dns;
using Mailkey.Messaging;
using Mailkey.Messaging.Journal;
using Mailkey.Messaging.Sagas;
using Mailkey.Storage;
using MassTransit;

namespace Mailkey.Delivery;

/// <summary>Everything that delivery consists of.</summary>
internal static class DeliveryServices
{
    /// <summary>The schema of delivery's tables.</summary>
    public const string Schema = "delivery";

    public static IServiceCollection AddDelivery(this IServiceCollection services)
    {
        services.AddContentStore();
        services.AddDnsResolver();

        services.AddSingleton<Router>();
        services.AddSingleton<ExchangerLookup>();
        services.AddSingleton<MaildirWriter>();
        services.AddSingleton<MaildirDestination>();
        services.AddSingleton<Outbox>();
        services.AddSingleton<Courier>();
        services.AddSingleton<LongAttempts>();
        services.AddSingleton<OutcomeReports>();
        services.AddSingleton<Gathering>();
        services.AddSingleton<DeferralBehaviors>();

        // Before the bus, so that it stops after it: attempts end while their consumers can still tell.
        services.AddHostedService(provider => provider.GetRequiredService<Outbox>());
        services.AddMailkeyBus(bus =>
        {
            bus.AddConsumer<MessageAcceptedConsumer, MessageAcceptedDefinition>();
            bus.AddConsumer<AttemptDeliveryConsumer, AttemptDeliveryDefinition>();
            bus.AddSagaStateMachine<DeferralStateMachine, DeferralState>(typeof(DeferralDefinition)).PostgresRepository(Schema);
        });
        services.AddHostedService(provider => provider.GetRequiredService<LongAttempts>());
        services.AddJournal();
        return services;
    }
}
