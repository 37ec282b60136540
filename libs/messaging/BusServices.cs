using Mailkey.Hosting.Options;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
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
                });
                rabbit.ConfigureJsonSerializerOptions(json =>
                {
                    // Blanks for a reader's eye are a third of a message otherwise.
                    json.WriteIndented = false;
                    return json;
                });
                DurableQueue.ConfigurePublishers(rabbit);
                rabbit.ConfigureEndpoints(context);
            });
        });
        return services;
    }
}
