using Mailkey.Contracts.Journal;
using Mailkey.Testkit.Infrastructure;
using RabbitMQ.Client;

namespace Mailkey.Messaging.Tests;

public sealed class DurableQueueTests(PostgresServer postgres, RabbitMqServer rabbit) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    /// <summary>RabbitMQ would confirm it, and a client would be told that its mail is safe.</summary>
    [Fact]
    public async Task What_no_queue_takes_any_more_is_not_published()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var host = await BusHost.StartAsync(postgres.ConnectionString, rabbit.Uri);
        await host.Bus.Publish(new JournalEntries { Entries = [] }, stop);

        await using (var connection = await new ConnectionFactory { Uri = new Uri(rabbit.Uri) }.CreateConnectionAsync(stop))
        await using (var channel = await connection.CreateChannelAsync(cancellationToken: stop))
        {
            await channel.QueueDeleteAsync(DurableQueue.Journal, cancellationToken: stop);
        }

        await Assert.ThrowsAnyAsync<MassTransit.MessageReturnedException>(() => host.Bus.Publish(new JournalEntries { Entries = [] }, stop));
    }
}
