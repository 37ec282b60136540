using System.Text.Json;
using System.Threading.Channels;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Mailkey.Testkit.Infrastructure;

/// <summary>Takes the messages of one type off a queue, as the service behind that queue would.</summary>
public sealed class QueueProbe<T> : IAsyncDisposable
{
    private readonly Channel<T> taken = System.Threading.Channels.Channel.CreateUnbounded<T>();
    private readonly IConnection connection;
    private readonly IChannel channel;
    private readonly CancellationToken stop;

    private QueueProbe(IConnection connection, IChannel channel, CancellationToken stop) => (this.connection, this.channel, this.stop) = (connection, channel, stop);

    public static async Task<QueueProbe<T>> StartAsync(string uri, string queue, CancellationToken stop)
    {
        var own = await new ConnectionFactory { Uri = new(uri) }.CreateConnectionAsync(stop);
        var open = await own.CreateChannelAsync(cancellationToken: stop);
        var probe = new QueueProbe<T>(own, open, stop);
        var consumer = new AsyncEventingBasicConsumer(open);
        consumer.ReceivedAsync += async (_, delivery) =>
        {
            using var envelope = JsonDocument.Parse(delivery.Body);
            await probe.taken.Writer.WriteAsync(envelope.RootElement.GetProperty("message").Deserialize<T>(JsonSerializerOptions.Web)!);
        };
        await open.BasicConsumeAsync(queue, autoAck: true, consumer, stop);
        return probe;
    }

    /// <summary>The next one; fails when none comes.</summary>
    public async Task<T> NextAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        return await taken.Reader.ReadAsync(limit.Token);
    }

    /// <summary>Whether everything that came was taken.</summary>
    public bool IsEmpty => taken.Reader.Count == 0;

    public async ValueTask DisposeAsync()
    {
        await channel.DisposeAsync();
        await connection.DisposeAsync();
    }
}
