using Mailkey.Messaging.Sagas;
using MassTransit;

namespace Mailkey.Agreements.Negotiation;

/// <summary>What the queues of the negotiation have in common.</summary>
internal static class NegotiationEndpoints
{
    /// <summary>
    /// Retries: many on one stream, or an other service that is away for a moment; then the database, for as long as it takes; then two messages
    /// for one saga.
    /// </summary>
    public static void UseNegotiationRetry(this IConsumePipeConfigurator endpoint)
    {
        endpoint.UseMessageRetry(retry =>
        {
            retry.Ignore<ConcurrencyException>();
            retry.Intervals(200, 1000, 3000, 10_000);
        });
        endpoint.UseSagaRetry();
    }

    /// <summary>Sends to a queue of ours; fails when the queue is not declared yet, instead of losing the message.</summary>
    public static async Task SendSafelyAsync(this ISendEndpointProvider provider, Uri address, object message, CancellationToken cancellationToken = default)
    {
        var endpoint = await provider.GetSendEndpoint(address);
        await endpoint.Send(
            message,
            message.GetType(),
            Pipe.Execute<SendContext>(context =>
            {
                if (context is RabbitMqSendContext transport)
                {
                    transport.Mandatory = true;
                }
            }),
            cancellationToken);
    }
}
