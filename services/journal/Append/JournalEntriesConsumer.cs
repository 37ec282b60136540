using Mailkey.Contracts.Journal;
using Mailkey.Messaging;
using MassTransit;

namespace Mailkey.Journal.Append;

/// <summary>Events that services noted.</summary>
internal sealed class JournalEntriesConsumer(JournalAppender appender) : IConsumer<JournalEntries>
{
    public Task Consume(ConsumeContext<JournalEntries> context) =>
        appender.AppendAsync([.. context.Message.Entries.Select(JournalRecords.From)], context.CancellationToken);
}

internal sealed class JournalEntriesDefinition : ConsumerDefinition<JournalEntriesConsumer>
{
    public JournalEntriesDefinition() => EndpointName = DurableQueue.Journal;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<JournalEntriesConsumer> consumerConfigurator, IRegistrationContext context) =>
        JournalEndpoint.Configure(endpointConfigurator);
}
