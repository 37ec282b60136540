using Mailkey.Contracts.Journal;
using Mailkey.Messaging.Journal;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;

namespace Mailkey.Messaging.Tests.Journal;

public sealed record LastWords(string QueueId);

/// <summary>Appends while the service is stopping already.</summary>
public sealed class LastWordsConsumer(IJournal journal, LastWordsGate gate) : IConsumer<LastWords>
{
    public async Task Consume(ConsumeContext<LastWords> context)
    {
        gate.Entered.SetResult();
        await gate.Leave.Task;
        journal.Append(context.Message.QueueId, new RecipientDelivered { ForwardPath = "a", NextHop = "b", Reply = "c", Attempt = 1 });
    }
}

public sealed class LastWordsGate
{
    public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Leave { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

public sealed class JournalOnTheBusTests(PostgresServer postgres, RabbitMqServer rabbit) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    [Fact]
    public async Task Events_wait_in_the_queue_of_the_journal_before_it_ever_ran()
    {
        await using (var host = await BusHost.StartAsync(postgres.ConnectionString, rabbit.Uri, afterBus: services => services.AddJournal()))
        {
            var journal = host.Services.GetRequiredService<IJournal>();
            journal.Append("q1", new RecipientDelivered { ForwardPath = "a", NextHop = "b", Reply = "c", Attempt = 1 });
        }

        Assert.Contains("\"q1\"", await TakeAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Queue_that_an_earlier_version_read_is_removed()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var connection = await new ConnectionFactory { Uri = new Uri(rabbit.Uri) }.CreateConnectionAsync(stop);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: stop);
        await channel.QueueDeclareAsync(DurableQueue.Retired[0], durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?> { ["x-queue-type"] = "quorum" }, cancellationToken: stop);
        await channel.BasicPublishAsync("", DurableQueue.Retired[0], "left"u8.ToArray(), stop);

        await using var host = await BusHost.StartAsync(postgres.ConnectionString, rabbit.Uri, afterBus: services => services.AddBrokerUpkeep());

        await Eventually.GetAsync(() => ExistsAsync(DurableQueue.Retired[0]), exists => !exists, TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Events_appended_by_the_last_consumer_of_a_stopping_service_arrive()
    {
        var gate = new LastWordsGate();
        var host = await BusHost.StartAsync(
            postgres.ConnectionString,
            rabbit.Uri,
            services => services.AddSingleton(gate),
            bus => bus.AddConsumer<LastWordsConsumer>(),
            afterBus: services => services.AddJournal());
        await host.Bus.Publish(new LastWords("q2"), TestContext.Current.CancellationToken);
        await gate.Entered.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        var stopping = host.DisposeAsync();
        gate.Leave.SetResult();
        await stopping;

        Assert.Contains("\"q2\"", await TakeAsync(), StringComparison.Ordinal);
    }

    private async Task<bool> ExistsAsync(string queue)
    {
        // The broker may end the connection of who asks for a queue in the moment in which it goes.
        await using var connection = await new ConnectionFactory { Uri = new Uri(rabbit.Uri) }.CreateConnectionAsync(TestContext.Current.CancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
        try
        {
            await channel.QueueDeclarePassiveAsync(queue, TestContext.Current.CancellationToken);
            return true;
        }
        catch (RabbitMQ.Client.Exceptions.OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == 404)
        {
            return false;
        }
    }

    private async Task<string> TakeAsync()
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(rabbit.Uri) }.CreateConnectionAsync(TestContext.Current.CancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
        var message = await channel.BasicGetAsync(DurableQueue.Journal, autoAck: true, TestContext.Current.CancellationToken);
        Assert.NotNull(message);
        return System.Text.Encoding.UTF8.GetString(message.Body.Span);
    }
}
