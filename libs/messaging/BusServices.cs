using System.Text.Json;
using System.Text.Json.Serialization;
using Mailkey.Hosting.Options;
using Mailkey.Messaging.Envelopes;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Mailkey.Messaging;

/// <summary>The bus of every service: MassTransit over RabbitMQ, with our conventions.</summary>
public static class BusServices
{
    /// <summary>
    /// Adds the bus. Every endpoint is a quorum queue with publisher confirms; its name, retries and concurrency stand in
    /// the definition beside its consumer or saga.
    /// </summary>
    public static IServiceCollection AddMailkeyBus(this IServiceCollection services, Action<IBusRegistrationConfigurator>? configure = null)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<BrokerArrival>();
        services.AddMassTransit(bus =>
        {
            bus.SetKebabCaseEndpointNameFormatter();
            bus.AddConfigureEndpointsCallback((_, _, endpoint) =>
            {
                if (endpoint is IRabbitMqReceiveEndpointConfigurator rabbit)
                {
                    DurableQueue.Configure(rabbit);
                    rabbit.BindDeadLetterQueue(DurableQueue.DeadLetters, DurableQueue.DeadLetters, queue => queue.SetQuorumQueue());
                }
            });
            configure?.Invoke(bus);
            bus.UsingRabbitMq((context, rabbit) =>
            {
                var options = context.GetRequiredService<IOptions<MailkeyOptions>>().Value.RabbitMq;
                rabbit.Host(new Uri(options.Uri), host =>
                {
                    host.PublisherConfirmation = true;
                    host.Heartbeat(options.Heartbeat);
                    var broker = context.GetRequiredService<BrokerArrival>();

                    // What publishes before the bus has started connects by itself: it waits as well.
                    host.OnRefreshConnectionFactory = _ => broker.WaitAsync(CancellationToken.None);
                });
                rabbit.ConfigureJsonSerializerOptions(json =>
                {
                    // Both ends are ours: no blanks for a reader's eye, which are a third of a message, nothing that is null, and
                    // none of the lenience that makes a reader slow.
                    json.WriteIndented = false;
                    json.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
                    json.PropertyNameCaseInsensitive = false;
                    json.AllowTrailingCommas = false;
                    json.ReadCommentHandling = JsonCommentHandling.Disallow;
                    return json;
                });
                var serializer = new MailSerializer();
                rabbit.AddSerializer(serializer);
                rabbit.AddDeserializer(serializer, isDefault: true);
                DurableQueue.ConfigurePublishers(rabbit);
                rabbit.ConfigureEndpoints(context);
            });
        });
        services.RemoveMassTransitHostedService();
        services.AddHostedService<BusLifetime>();
        return services;
    }

    /// <summary>Removes from the broker what earlier versions left there. One service is enough to do it.</summary>
    public static IServiceCollection AddBrokerUpkeep(this IServiceCollection services) => services.AddHostedService<RetiredQueues>();
}
