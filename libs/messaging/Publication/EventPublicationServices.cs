using Mailkey.Ledger;
using Mailkey.Ledger.Publication;
using Mailkey.Ledger.Subscriptions;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Messaging.Publication;

/// <summary>How the events of a ledger come to the bus.</summary>
public static class EventPublicationServices
{
    /// <summary>Name of the checkpoint, for ever.</summary>
    public const string SubscriptionName = "bus-publication";

    /// <summary>
    /// Publishes every event of the ledger of this service. It runs beside the read models, which do not wait while the broker is away.
    /// </summary>
    /// <param name="schema">The schema of the ledger.</param>
    public static IServiceCollection AddEventPublication(this IServiceCollection services, string schema)
    {
        // AddHostedService would take it for the one that keeps the read models.
        services.AddSingleton<IHostedService>(provider => new SubscriptionService(
            provider.GetRequiredService<SubscriptionReader>(),
            provider.GetRequiredService<PostgresEventStore>(),
            provider.GetRequiredService<NpgsqlDataSource>(),
            schema,
            [new EventPublication(SubscriptionName, new BusEventPublisher(provider.GetRequiredService<IBus>(), provider.GetRequiredService<TimeProvider>()))],
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<SubscriptionService>>()));
        return services;
    }
}
