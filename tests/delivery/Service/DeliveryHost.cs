using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Mailkey.Contracts;
using Mailkey.Hosting;
using Mailkey.Messaging;
using Mailkey.Storage;
using Mailkey.Testkit.Infrastructure;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Mailkey.Delivery.Tests.Service;

/// <summary>The delivery service as it is, in this process, on real PostgreSQL and RabbitMQ; what it publishes is read off the broker.</summary>
internal sealed class DeliveryHost : IAsyncDisposable
{
    // MassTransit keeps the first logger factory it meets.
    private static readonly ILoggerFactory Logs = LoggerFactory.Create(logging => logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning));

    private static int lastId;

    private readonly WebApplication _app;
    private readonly bool _ownsFolder;
    private readonly HashSet<Guid> _seenReports = [];
    private IConnection? _connection;

    private DeliveryHost(WebApplication app, string folder, bool ownsFolder)
    {
        _app = app;
        Folder = folder;
        _ownsFolder = ownsFolder;
    }

    public string Folder { get; }
    public IServiceProvider Services => _app.Services;
    public IBus Bus => Services.GetRequiredService<IBus>();
    public IContentStore Store => Services.GetRequiredService<IContentStore>();
    public Channel<JsonElement> Bounces { get; } = Channel.CreateUnbounded<JsonElement>();
    public Channel<JsonElement> Journal { get; } = Channel.CreateUnbounded<JsonElement>();

    public static async Task<DeliveryHost> StartAsync(PostgresServer postgres, RabbitMqServer rabbit, string? folder, params string[] settings)
    {
        var ownsFolder = folder is null;
        folder ??= Directory.CreateTempSubdirectory("mailkey-delivery-").FullName;
        var builder = ServiceHost.CreateBuilder("delivery",
        [
            $"--Mailkey:Postgres:ConnectionString={postgres.ConnectionString}",
            $"--Mailkey:RabbitMq:Uri={rabbit.Uri}",
            $"--Mailkey:DataFolder={folder}",
            "--Mailkey:Hostname=mail.edge.example",
            $"--Mailkey:Http:Port={FreePort()}",
            "--Mailkey:Http:Listen=127.0.0.1",
            "--Mailkey:Delivery:SmtpPort=2525",
            .. settings.Select(setting => "--Mailkey:" + setting),
        ]);
        builder.Services.AddSingleton(Logs);
        builder.Services.AddDelivery();
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        var host = new DeliveryHost(builder.Build(), folder, ownsFolder);
        await host._app.StartAsync();
        host._connection = await new ConnectionFactory { Uri = new Uri(rabbit.Uri) }.CreateConnectionAsync();
        await host.ReadAsync(DurableQueue.Bounces, host.Bounces);
        await host.ReadAsync(DurableQueue.Journal, host.Journal);
        return host;
    }

    public async Task<MessageAccepted> AcceptAsync(Envelope envelope, string content = "Received: by here\r\nSubject: test\r\n\r\nHello\r\n", DateTimeOffset? receivedAt = null)
    {
        var queueId = $"QID{Interlocked.Increment(ref lastId):x8}";
        await using var writer = Store.Create(queueId);
        await writer.WriteAsync(Encoding.UTF8.GetBytes(content), CancellationToken.None);
        var now = receivedAt ?? TimeProvider.System.GetUtcNow();
        return new()
        {
            QueueId = queueId,
            ReceivedAt = now,
            AcceptedAt = now,
            Connection = new() { ClientAddress = "127.0.0.1", ClientName = "client", Protocol = "ESMTP", Server = "test" },
            Envelope = envelope,
            Content = await writer.CommitAsync(default, CancellationToken.None),
        };
    }

    public Task PublishAsync(params MessageAccepted[] messages) => Bus.Publish(new MessageAcceptedBatch { Messages = messages });

    public static Envelope Envelope(params string[] recipients) => DeliveryBench.Envelope(recipients);

    /// <summary>The next report on the queue of the bounces service.</summary>
    public async Task<(string Type, JsonElement Report)> NextReportAsync()
    {
        while (true)
        {
            var envelope = await NextAsync(Bounces);
            var report = envelope.GetProperty("message");

            // The bus delivers at least once, and readers go by the id.
            if (_seenReports.Add(report.GetProperty("reportId").GetGuid()))
            {
                return (envelope.GetProperty("messageType")[0].GetString()!.Split(':')[^1], report);
            }
        }
    }

    /// <summary>The next entries of the journal, as <c>type</c> and data.</summary>
    public async Task<List<(string QueueId, string Type, JsonElement Data)>> NextEntriesAsync()
    {
        var envelope = await NextAsync(Journal);
        return [.. envelope.GetProperty("message").GetProperty("entries").EnumerateArray().Select(entry =>
            (entry.GetProperty("queueId").GetString()!, entry.GetProperty("type").GetString()!, entry.GetProperty("data")))];
    }

    /// <summary>What the journal was told of the acceptance of each message, as far as it was read.</summary>
    public Dictionary<string, JsonElement> Acceptances { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads the journal until a message has as many entries beside its acceptance.</summary>
    public async Task<List<(string Type, JsonElement Data)>> EntriesAsync(string queueId, int count)
    {
        List<(string, JsonElement)> found = [];
        while (found.Count < count)
        {
            foreach (var (_, type, data) in (await NextEntriesAsync()).Where(entry => entry.QueueId == queueId))
            {
                if (type == "accepted-for-delivery")
                {
                    Acceptances[queueId] = data;
                }
                else
                {
                    found.Add((type, data));
                }
            }
        }

        return found;
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Services.GetRequiredService<NpgsqlDataSource>().CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    public static async Task EventuallyAsync(Func<Task<bool>> condition, string what)
    {
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(20));
        for (var tries = 0; tries < 1500; tries++)
        {
            if (await condition())
            {
                return;
            }

            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }

        Assert.Fail($"Did not happen: {what}");
    }

    public Task ReleasedAsync(MessageAccepted message) => EventuallyAsync(
        async () => await Store.IsReleasedAsync(message.QueueId, message.Content, CancellationToken.None), $"{message.QueueId} released");

    public Task NoDeferralAsync(string queueId) => EventuallyAsync(
        async () => await ScalarAsync<long>($"SELECT count(*) FROM delivery.deferral_state WHERE state->>'queueId' = '{queueId}'") == 0, $"{queueId} without deferral");

    public async ValueTask DisposeAsync()
    {
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
        }

        await _app.StopAsync();
        await _app.DisposeAsync();
        if (_ownsFolder)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static async Task<JsonElement> NextAsync(Channel<JsonElement> channel)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(30));
        return await channel.Reader.ReadAsync(timeout.Token);
    }

    private async Task ReadAsync(string queue, Channel<JsonElement> target)
    {
        var channel = await _connection!.CreateChannelAsync();

        // As the first publisher would.
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?>
        {
            ["x-queue-type"] = "quorum",
            ["x-delivery-limit"] = 20,
            ["x-dead-letter-exchange"] = DurableQueue.DeadLetters,
        });
        AsyncEventingBasicConsumer consumer = new(channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            target.Writer.TryWrite(JsonDocument.Parse(delivery.Body.ToArray()).RootElement);
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(queue, autoAck: true, consumer);
    }
}
