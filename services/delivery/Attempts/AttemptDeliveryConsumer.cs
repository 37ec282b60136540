using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Sagas.Deferral;
using Mailkey.Hosting.Options;
using Mailkey.Storage;
using MassTransit;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Attempts;

/// <summary>A later attempt, at the word of the saga.</summary>
internal sealed class AttemptDeliveryConsumer(
    Courier courier, LongAttempts longAttempts, IContentStore store, ILogger<AttemptDeliveryConsumer> logger) : IConsumer<AttemptDelivery>
{
    public async Task Consume(ConsumeContext<AttemptDelivery> context)
    {
        var command = context.Message;
        var message = await OutgoingMessage.OpenAsync(
            store, command.QueueId, command.ReceivedAt, command.Envelope, command.Content, context.CancellationToken);
        if (message is null)
        {
            // The command came twice, and the first time settled it. If not, the saga notices that no answer comes.
            logger.LogWarning("{QueueId}: content is gone, attempt {Attempt} not made", command.QueueId, command.Attempt);
            return;
        }

        var attempt = courier.Begin(message, command.Recipients);
        if (!await longAttempts.HasEndedAsync(attempt, context.CancellationToken))
        {
            longAttempts.Follow(attempt, command.QueueId, command.Attempt);
            return;
        }

        using (message)
        {
            await attempt.Ended;
            await context.Publish(new AttemptFinished { QueueId = command.QueueId, Attempt = command.Attempt, Outcomes = attempt.Look().Outcomes });
        }
    }
}

/// <summary>The queue <c>attempt-delivery</c>.</summary>
internal sealed class AttemptDeliveryDefinition : ConsumerDefinition<AttemptDeliveryConsumer>
{
    public const string QueueName = "attempt-delivery";

    // Each command is one message, where a bus message of the first attempt has up to twenty.
    private const int MessagesOfBatch = 8;

    public AttemptDeliveryDefinition(IOptions<MailkeyOptions> options)
    {
        EndpointName = QueueName;
        ConcurrentMessageLimit = options.Value.Delivery.Concurrency * MessagesOfBatch;
    }

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<AttemptDeliveryConsumer> consumerConfigurator, IRegistrationContext context) =>
        endpointConfigurator.UseMessageRetry(retry => retry.Intervals(200, 1000, 3000));
}
