using Mailkey.Contracts;
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
    Courier courier, LongAttempts longAttempts, IContentStore store, TimeProvider time, ILogger<AttemptDeliveryConsumer> logger) : IConsumer<AttemptDelivery>
{
    public async Task Consume(ConsumeContext<AttemptDelivery> context)
    {
        var command = context.Message;
        OutgoingMessage? message;
        try
        {
            message = await OutgoingMessage.OpenAsync(
                store, command.QueueId, command.ReceivedAt, command.Envelope, command.Content, context.CancellationToken);
        }
        catch (InvalidDataException e)
        {
            // The saga goes on until the sender is told.
            logger.LogError(e, "{QueueId}: content is damaged, attempt {Attempt} not made", command.QueueId, command.Attempt);
            await context.Publish(new AttemptFinished { QueueId = command.QueueId, Attempt = command.Attempt, Outcomes = [.. command.Recipients.Select(Damaged)] });
            return;
        }

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
            var (outcomes, broken, _) = attempt.Look();
            if (outcomes.Count == 0 && broken.Exists(leg => leg.Outcomes.IsCanceled))
            {
                // The service stops, and nobody got anything: the command is for another process.
                await attempt.Ended;
            }

            if (attempt.Ended.IsFaulted)
            {
                logger.LogError(attempt.Ended.Exception, "{QueueId}: attempt {Attempt} failed", command.QueueId, command.Attempt);
            }

            // Also of an attempt that failed: what was delivered is not to be delivered again with the rest.
            outcomes.AddRange(broken.SelectMany(leg => leg.BrokenOff()));
            await context.Publish(new AttemptFinished { QueueId = command.QueueId, Attempt = command.Attempt, Outcomes = outcomes });
        }
    }

    private RecipientOutcome Damaged(Recipient recipient) =>
        OutgoingTransaction.Of(recipient, Finding.Temporary("4.3.0", "the stored message is damaged"), "", null, time.GetUtcNow());
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
