using System.Text;
using Mailkey.Contracts;
using Mailkey.Hosting;
using Mailkey.Messaging;
using Mailkey.Storage;
using Mailkey.Testkit.Infrastructure;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mailkey.Delivery.Tests.Service;

/// <summary>What ingress does at the end of a transaction: content into the store, the accepted message onto the bus.</summary>
internal sealed class Acceptance : IAsyncDisposable
{
    private static readonly ILoggerFactory Logs = LoggerFactory.Create(logging => logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning));

    private readonly IHost _host;
    private int _lastId;

    private Acceptance(IHost host, SegmentContentStore store)
    {
        _host = host;
        Store = store;
    }

    public SegmentContentStore Store { get; }

    public static async Task<Acceptance> StartAsync(RabbitMqServer rabbit, string dataFolder)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection([new("Mailkey:RabbitMq:Uri", rabbit.Uri)]);
        builder.Services.AddLogging();
        builder.Services.AddSingleton(Logs);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(new ServiceIdentity("test"));
        builder.Services.AddMailkeyOptions(builder.Configuration);
        builder.Services.AddMailkeyBus();
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        var host = builder.Build();
        await host.StartAsync();
        return new(host, new SegmentContentStore(new() { Folder = Path.Combine(dataFolder, "content") }, TimeProvider.System));
    }

    public async Task<MessageAccepted> StoreAsync(string recipient, string content)
    {
        var queueId = $"ACC{Interlocked.Increment(ref _lastId):x8}";
        await using var writer = Store.Create(queueId);
        await writer.WriteAsync(Encoding.UTF8.GetBytes(content), CancellationToken.None);
        var now = TimeProvider.System.GetUtcNow();
        return new()
        {
            QueueId = queueId,
            ReceivedAt = now,
            AcceptedAt = now,
            Connection = new() { ClientAddress = "127.0.0.1", ClientName = "client", Protocol = "ESMTP", Server = "test" },
            Envelope = DeliveryBench.Envelope(recipient),
            Content = await writer.CommitAsync(default, CancellationToken.None),
        };
    }

    public Task PublishAsync(params MessageAccepted[] messages) =>
        _host.Services.GetRequiredService<IBus>().Publish(new MessageAcceptedBatch { Messages = messages });

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
        Store.Dispose();
    }
}
