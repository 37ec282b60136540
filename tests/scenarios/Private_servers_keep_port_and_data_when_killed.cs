using Mailkey.Testkit.Infrastructure;
using Npgsql;
using RabbitMQ.Client;

namespace Mailkey.Scenarios.Tests;

/// <summary>The ground of the crash tests: a killed server comes back where it was, with what it had confirmed.</summary>
public sealed class Private_servers_keep_port_and_data_when_killed(PostgresServer postgres, RabbitMqServer rabbitMq)
    : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PostgreSQL_keeps_what_was_committed()
    {
        await using var server = await OwnPostgresServer.StartNewAsync(Cancellation);
        await ExecuteAsync(server.ConnectionString, "CREATE TABLE kept AS SELECT 42 AS answer");

        await server.KillAsync(Cancellation);
        await server.StartAsync(Cancellation);

        Assert.Equal(42, await ExecuteAsync(server.ConnectionString, "SELECT answer FROM kept"));
    }

    [Fact]
    public async Task RabbitMQ_keeps_what_a_quorum_queue_confirmed()
    {
        await using var server = await OwnRabbitMqServer.StartNewAsync(Cancellation);
        var factory = new ConnectionFactory { Uri = new Uri(server.Uri) };
        await using (var connection = await factory.CreateConnectionAsync(Cancellation))
        {
            await using var channel = await connection.CreateChannelAsync(new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), Cancellation);
            await channel.QueueDeclareAsync("kept", durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?> { ["x-queue-type"] = "quorum" }, cancellationToken: Cancellation);
            await server.SettleAsync(Cancellation);
            await channel.BasicPublishAsync("", "kept", mandatory: true, new BasicProperties { Persistent = true }, "mail"u8.ToArray(), Cancellation);
            await server.KillAsync(Cancellation);
        }

        await server.StartAsync(Cancellation);

        await using var second = await factory.CreateConnectionAsync(Cancellation);
        await using var reader = await second.CreateChannelAsync(cancellationToken: Cancellation);
        var arrived = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var consumer = new RabbitMQ.Client.Events.AsyncEventingBasicConsumer(reader);
        consumer.ReceivedAsync += (_, delivered) =>
        {
            arrived.TrySetResult(delivered.Body.ToArray());
            return Task.CompletedTask;
        };
        await reader.BasicConsumeAsync("kept", autoAck: true, consumer, Cancellation);
        Assert.Equal("mail"u8.ToArray(), await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    [Fact]
    public async Task Each_test_class_has_a_database_and_a_virtual_host_of_its_own()
    {
        Assert.Equal(postgres.Database, await ExecuteAsync(postgres.ConnectionString, "SELECT current_database()::text"));
        await using var connection = await new ConnectionFactory { Uri = new Uri(rabbitMq.Uri) }.CreateConnectionAsync(Cancellation);
        Assert.True(connection.IsOpen);
        Assert.EndsWith(rabbitMq.VirtualHost, rabbitMq.Uri, StringComparison.Ordinal);
    }

    private static async Task<object?> ExecuteAsync(string connectionString, string statement)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(Cancellation);
        await using var command = new NpgsqlCommand(statement, connection);
        return await command.ExecuteScalarAsync(Cancellation);
    }
}
