using System.Text.Json;
using Mailkey.Contracts.Journal;
using Mailkey.Messaging;
using MassTransit;

namespace Mailkey.Journal.Append;

/// <summary>Events that services noted.</summary>
internal sealed class JournalEntriesConsumer(JournalAppender appender) : IConsumer<JournalEntries>
{
    public async Task Consume(ConsumeContext<JournalEntries> context)
    {
        List<JournalRecord> records = new(context.Message.Entries.Count);
        JsonException? unreadable = null;
        foreach (var entry in context.Message.Entries)
        {
            try
            {
                records.Add(JournalRecords.From(entry));
            }
            catch (JsonException e)
            {
                // The others are none the worse for it.
                unreadable = e;
            }
        }

        await appender.AppendAsync(records, context.CancellationToken);
        if (unreadable is not null)
        {
            throw new InvalidDataException("An entry does not have the shape of its type.", unreadable);
        }
    }
}

internal sealed class JournalEntriesDefinition : ConsumerDefinition<JournalEntriesConsumer>
{
    public JournalEntriesDefinition()
    {
        EndpointName = DurableQueue.Journal;
        ConcurrentMessageLimit = JournalAppender.MaxParts;
    }

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<JournalEntriesConsumer> consumerConfigurator, IRegistrationContext context)
    {
        endpointConfigurator.PrefetchCount = JournalAppender.MaxParts;

        // For a message that is bad by itself; a database that is away is waited for by the appender.
        endpointConfigurator.UseMessageRetry(retry => retry.Intervals(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2)));
    }
}
