using Mailkey.Contracts;
using Mailkey.Messaging;
using MassTransit;

namespace Mailkey.Journal.Append;

/// <summary>Messages that ingress and bounces accepted: the same bus message that delivery gets, so acceptance costs no other one.</summary>
internal sealed class MessageAcceptedConsumer(JournalAppender appender) : IConsumer<MessageAcceptedBatch>
{
    public Task Consume(ConsumeContext<MessageAcceptedBatch> context) =>
        appender.AppendAsync([.. context.Message.Messages.Select(JournalRecords.From)], context.CancellationToken);
}

internal sealed class MessageAcceptedDefinition : ConsumerDefinition<MessageAcceptedConsumer>
{
    public MessageAcceptedDefinition() => EndpointName = DurableQueue.JournalAccepted;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<MessageAcceptedConsumer> consumerConfigurator, IRegistrationContext context) =>
        JournalEndpoint.Configure(endpointConfigurator);
}
