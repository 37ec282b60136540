using System.Text.Json;
using System.Text.Json.Serialization;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger;
using Mailkey.Ledger.Events;
using Mailkey.Ledger.Publication;
using Mailkey.Ledger.Subscriptions;
using Mailkey.Messaging.Publication;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Mailkey.Messaging.Tests.Publication;

/// <summary>Committed events on their way to a real broker.</summary>
public sealed class EventPublicationTests(PostgresServer postgres, RabbitMqServer rabbit) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string _schema = $"ledger_{Guid.NewGuid():N}";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EventPublication_of_two_replicas_skips_nothing_and_keeps_the_order()
    {
        const int Streams = 12;
        const int Rounds = 40;
        await using var one = await StartAsync(rabbit.Uri);
        await using var other = await StartAsync(rabbit.Uri);

        // Appends that overlap, so that positions are given out in another order than they are committed.
        await Task.WhenAll(Enumerable.Range(0, Streams).Select(async stream =>
        {
            for (var round = 0; round < Rounds; round++)
            {
                await AppendAsync(stream % 2 == 0 ? one : other, $"stream-{stream}", round, round % 3 + 1);
            }
        }));

        var stored = await StoredAsync(one);
        var published = await PublishedAsync(rabbit.Uri, stored.Count);
        Assert.Equal(stored.Select(e => e.Id), Firsts(published).Select(e => e.Id));
        var (first, told) = (stored[0], published[0]);
        Assert.Equal((first.StreamId, first.Version, first.Position, first.Type, first.At, "test:one", "because"), (told.StreamId, told.Version, told.Position, told.Type, told.At, told.Actor, told.Cause));
        Assert.Equal(0, told.Data.GetProperty("round").GetInt32());
        await Eventually.GetAsync(() => CheckpointAsync(one), position => position == stored[^1].Position, Limit, () => "checkpoint is behind");
    }

    [Fact]
    public async Task EventPublication_goes_on_where_a_killed_broker_stopped_it()
    {
        await using var own = await OwnRabbitMqServer.StartNewAsync(Stop);
        await using var host = await StartAsync(own.Uri);
        await AppendAsync(host, "stream-a", 0, 3);
        await Eventually.GetAsync(() => CheckpointAsync(host), position => position > 0, Limit, () => "nothing published");
        await own.SettleAsync(Stop);

        var writing = Task.Run(
            async () =>
            {
                for (var round = 1; round <= 200; round++)
                {
                    await AppendAsync(host, round % 2 == 0 ? "stream-a" : "stream-b", round, 1);
                }
            },
            Stop);
        await own.KillAsync(Stop);
        await writing;

        // However fast all that was: this is written while there is no broker.
        await AppendAsync(host, "stream-a", 201, 5);
        var stored = await StoredAsync(host);
        Assert.NotEqual(stored[^1].Position, await CheckpointAsync(host));
        await own.StartAsync(Stop);

        await Eventually.GetAsync(() => CheckpointAsync(host), position => position == stored[^1].Position, Limit, () => "publication is behind");
        var published = await PublishedAsync(own.Uri, stored.Count);
        Assert.Equal(stored.Select(e => e.Id), Firsts(published).Select(e => e.Id));
    }

    [Fact]
    public async Task EventPublication_that_dies_before_its_checkpoint_publishes_the_same_events_again()
    {
        await using var host = await StartAsync(rabbit.Uri, publish: false);
        await AppendAsync(host, "stream-a", 0, 5);
        var stored = await StoredAsync(host);
        var bus = new BusEventPublisher(host.Bus, TimeProvider.System);
        var reader = host.Services.GetRequiredService<SubscriptionReader>();
        var mortal = new EventPublication(EventPublicationServices.SubscriptionName, new Mortal(bus));

        await Assert.ThrowsAsync<EventsNotPublishedException>(() => reader.AdvanceAsync(mortal, _schema, null, Stop));
        Assert.Equal(0, await CheckpointAsync(host));
        Assert.Equal(5, await reader.AdvanceAsync(new EventPublication(EventPublicationServices.SubscriptionName, bus), _schema, null, Stop));

        var published = await PublishedAsync(rabbit.Uri, 10, distinct: false);
        Assert.Equal([.. stored.Select(e => e.Id), .. stored.Select(e => e.Id)], published.Select(e => e.Id));
    }

    [Fact]
    public async Task EventPublication_splits_what_is_too_much_for_one_bus_message()
    {
        await using var host = await StartAsync(rabbit.Uri);
        await AppendAsync(host, "stream-a", 0, 40, new string('x', 100_000));

        var stored = await StoredAsync(host);
        var published = await PublishedAsync(rabbit.Uri, stored.Count);
        Assert.Equal(stored.Select(e => e.Id), Firsts(published).Select(e => e.Id));
    }

    private Task<BusHost> StartAsync(string broker, bool publish = true) =>
        BusHost.StartAsync(
            postgres.ConnectionString,
            broker,
            services =>
            {
                services.AddSchemaMigrations([.. PostgresEventStore.Migrations(_schema), .. SubscriptionReader.Migrations(_schema)]);
                services.AddSingleton(provider => new PostgresEventStore(provider.GetRequiredService<NpgsqlDataSource>(), _schema, announce: true));
                services.AddSingleton(new EventCatalog().Add("noted", NotedJson.Default.Noted));
                services.AddSingleton<SubscriptionReader>();
            },
            afterBus: services =>
            {
                if (publish)
                {
                    services.AddEventPublication(_schema);
                }
            });

    private async Task AppendAsync(BusHost host, string stream, int round, int count, string text = "")
    {
        var aggregates = new Aggregates<int>(
            host.Services.GetRequiredService<PostgresEventStore>(), host.Services.GetRequiredService<EventCatalog>(), 0, (sum, _) => sum + 1, TimeProvider.System);
        IReadOnlyList<object> events = [.. Enumerable.Range(0, count).Select(_ => new Noted(round, text))];
        await aggregates.DecideAsync(stream, _ => (events, true), "test:one", "because", Stop);
    }

    private static async Task<List<StoredEvent>> StoredAsync(BusHost host)
    {
        List<StoredEvent> stored = [];
        await foreach (var e in host.Services.GetRequiredService<PostgresEventStore>().ReadRangeAsync(0, long.MaxValue, Stop))
        {
            stored.Add(e);
        }

        return stored;
    }

    private Task<long> CheckpointAsync(BusHost host) =>
        host.ScalarAsync<long>($"SELECT coalesce(max(last_seq_id), 0) FROM {_schema}.mt_event_progression WHERE name = '{EventPublicationServices.SubscriptionName}'");

    // What was published, until so many different events (or so many at all) are there.
    private async Task<List<LedgerEventCommitted>> PublishedAsync(string uri, int count, bool distinct = true)
    {
        await using var connection = await new ConnectionFactory { Uri = new(uri) }.CreateConnectionAsync(Stop);
        await Eventually.GetAsync(() => IsThereAsync(connection), isThere => isThere, Limit, () => "no queue was declared");
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        List<LedgerEventCommitted> published = [];
        HashSet<Guid> ids = [];
        await Eventually.GetAsync(
            async () =>
            {
                while (await channel.BasicGetAsync(DurableQueue.AgreementEvents, autoAck: true, Stop) is { } got)
                {
                    using var envelope = JsonDocument.Parse(got.Body);
                    var message = envelope.RootElement.GetProperty("message").Deserialize<LedgerEventsCommitted>(JsonSerializerOptions.Web)!;

                    // Another test of this class shares the broker.
                    if (message.Ledger == _schema)
                    {
                        Assert.True(got.Body.Length < 4 << 20);
                        published.AddRange(message.Events);
                        ids.UnionWith(message.Events.Select(e => e.Id));
                    }
                }

                return distinct ? ids.Count : published.Count;
            },
            have => have >= count,
            Limit,
            () => $"not all of {count} published");
        return published;
    }

    // The bus declares the queue when it starts. A channel that asks for one that is not there is closed by the broker.
    private static async Task<bool> IsThereAsync(IConnection connection)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Stop);
        try
        {
            await channel.QueueDeclarePassiveAsync(DurableQueue.AgreementEvents, Stop);
            return true;
        }
        catch (OperationInterruptedException)
        {
            return false;
        }
    }

    private static IEnumerable<LedgerEventCommitted> Firsts(IEnumerable<LedgerEventCommitted> published) => published.DistinctBy(e => e.Id);

    /// <summary>Publishes, and is gone before anybody hears of it.</summary>
    private sealed class Mortal(IEventPublisher inner) : IEventPublisher
    {
        public async Task PublishAsync(string ledger, IReadOnlyList<LedgerEvent> events, CancellationToken cancellationToken)
        {
            await inner.PublishAsync(ledger, events, cancellationToken);
            throw new EventsNotPublishedException("gone");
        }
    }
}

internal sealed record Noted(int Round, string Text);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Noted))]
internal sealed partial class NotedJson : JsonSerializerContext;
