using Mailkey.Bounces.Advice;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using Mailkey.Hosting;
using Mailkey.Storage;
using Mailkey.Testkit.Infrastructure;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Bounces.Tests;

/// <summary>One process of the service, with probes in place of delivery and of the journal.</summary>
internal sealed class BouncesHost : IAsyncDisposable
{
    // MassTransit remembers the first logger factory of a test, which therefore outlives the host.
    private static readonly ILoggerFactory Logs = LoggerFactory.Create(logging => logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning));

    private readonly IHost host;
    private readonly Queue<JournalEntry> entries = new();
    private readonly Queue<JournalEntry> acceptances = new();

    private BouncesHost(IHost host, QueueProbe<MessageAcceptedBatch> delivery, QueueProbe<JournalEntries> journal) =>
        (this.host, Delivery, Journal) = (host, delivery, journal);

    public QueueProbe<MessageAcceptedBatch> Delivery { get; }
    private QueueProbe<JournalEntries> Journal { get; }
    public IServiceProvider Services => host.Services;

    public static async Task<BouncesHost> StartAsync(
        string postgres, RabbitMqServer rabbit, TemporaryFolder folder, IDomainInspector? inspector, params KeyValuePair<string, string?>[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(
        [
            new("Mailkey:Hostname", "mx.example.net"),
            new("Mailkey:DataFolder", folder.Path),
            new("Mailkey:Policy:HelpUrl", "https://help.example.net/?domain="),
            new("Mailkey:Postgres:ConnectionString", postgres),
            new("Mailkey:RabbitMq:Uri", rabbit.Uri),
            .. settings,
        ]);
        builder.Services.AddLogging();
        builder.Services.AddSingleton(Logs);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(new ServiceIdentity("bounces"));
        builder.Services.AddMailkeyOptions(builder.Configuration);
        builder.Services.AddBounces();
        if (inspector is not null)
        {
            builder.Services.Replace(ServiceDescriptor.Singleton(inspector));
            builder.Services.Replace(ServiceDescriptor.Singleton<Mailkey.Dns.IDnsResolver>(new Reporting.NoDns()));
        }

        builder.Services.Configure<MassTransitHostOptions>(options =>
        {
            options.WaitUntilStarted = true;
            options.StartTimeout = TimeSpan.FromSeconds(30);
        });
        var process = builder.Build();
        await process.StartAsync(TestContext.Current.CancellationToken);

        // The queues are declared by whoever publishes first; a probe can't wait for that.
        var bus = process.Services.GetRequiredService<IBus>();
        await bus.Publish(new MessageAcceptedBatch { Messages = [] }, TestContext.Current.CancellationToken);
        await bus.Publish(new JournalEntries { Entries = [] }, TestContext.Current.CancellationToken);
        var started = new BouncesHost(
            process,
            await QueueProbe<MessageAcceptedBatch>.StartAsync(rabbit.Uri, "delivery", TestContext.Current.CancellationToken),
            await QueueProbe<JournalEntries>.StartAsync(rabbit.Uri, "journal", TestContext.Current.CancellationToken));
        Assert.Empty((await started.Delivery.NextAsync()).Messages);
        Assert.Empty((await started.Journal.NextAsync()).Entries);
        return started;
    }

    public Task PublishAsync<T>(T report)
        where T : DeliveryReport => host.Services.GetRequiredService<IBus>().Publish(report, TestContext.Current.CancellationToken);

    public async Task<MessageAccepted> NextMessageAsync() => Assert.Single((await Delivery.NextAsync()).Messages);

    /// <summary>Reports of whose acceptance the journal was told, in order.</summary>
    public IEnumerable<string> Accepted => acceptances.Select(entry => entry.QueueId);

    /// <summary>The next event of the journal that is no acceptance; several may share a bus message.</summary>
    public async Task<JournalEntry> NextEntryAsync()
    {
        while (entries.Count == 0)
        {
            foreach (var entry in (await Journal.NextAsync()).Entries)
            {
                (entry.Type == "accepted-for-delivery" ? acceptances : entries).Enqueue(entry);
            }
        }

        return entries.Dequeue();
    }

    /// <summary>Whether all events that came were looked at.</summary>
    public bool HasNoEntry => entries.Count == 0 && Journal.IsEmpty;

    public async Task<byte[]> ContentAsync(MessageAccepted message)
    {
        var store = host.Services.GetRequiredService<IContentStore>();
        await using var stream = await store.OpenAsync(message.Content, TestContext.Current.CancellationToken) ?? throw new InvalidOperationException("no content");
        var content = new MemoryStream();
        await stream.CopyToAsync(content, TestContext.Current.CancellationToken);
        return content.ToArray();
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = host.Services.GetRequiredService<NpgsqlDataSource>().CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    public async ValueTask DisposeAsync()
    {
        await Delivery.DisposeAsync();
        await Journal.DisposeAsync();
        await host.StopAsync(CancellationToken.None);
        await ((IAsyncDisposable)host).DisposeAsync();
    }
}

/// <summary>Knows the domains of the tests by their names.</summary>
internal sealed class NamedConditions : IDomainInspector
{
    public async ValueTask<DomainCondition> InspectAsync(string domain, CancellationToken cancellationToken)
    {
        switch (domain.Split('.')[0])
        {
            case "nohost":
                return new() { Kind = AdvisoryKind.NoHost, RecordsToPublish = ["mailkey.nohost.example. 3600 IN TXT \"v=MAILKEY1; p=x\""] };
            case "broken":
                return new() { Kind = AdvisoryKind.HostBroken, Problems = ["mailkey.broken.example TXT: key 2026a: p= is not base64"] };
            case "slow":
                await Task.Delay(Timeout.InfiniteTimeSpan, CancellationToken.None);
                break;
        }

        return DomainCondition.Unremarkable;
    }
}
