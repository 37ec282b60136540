using System.Text;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using Mailkey.Ledger;
using Mailkey.Messaging.Journal;
using Mailkey.Testkit.Infrastructure;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Mailkey.Journal.Tests;

public sealed class JournalTests(PostgresServer postgres, RabbitMqServer rabbit) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>, IAsyncLifetime
{
    private IHost? _host;

    private IServiceProvider Services => _host!.Services;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _host = await JournalHost.StartAsync(postgres.ConnectionString, rabbit.Uri, Stop);
    }

    public async ValueTask DisposeAsync()
    {
        await _host!.StopAsync(CancellationToken.None);
        _host.Dispose();
    }

    [Fact]
    public async Task Life_of_a_message_lands_in_its_stream_and_in_the_search_table()
    {
        var message = Sample.Accepted("life", "Alice@Example.ORG", "bob@example.net", "carol@example.net");
        await PublishAsync(message);
        var journal = Services.GetRequiredService<IJournal>();
        journal.Append(message.QueueId, Sample.Delivered("bob@example.net"));
        journal.Append(message.QueueId, Sample.Delivered("carol@example.net"));

        var events = await StreamAsync(message.QueueId, 3);

        Assert.Equal(
            ["accepted-for-delivery", "recipient-delivered", "recipient-delivered"],
            events.Select(e => e.Type).Order(StringComparer.Ordinal));
        await EventuallyAsync(
            """
            SELECT count(*) FROM journal.messages WHERE queue_id = 'life' AND state = 'delivered' AND message_id = '<life@example.org>'
                AND reverse_path = 'Alice@Example.ORG' AND addresses @> '{alice@example.org,bob@example.net,carol@example.net}'
            """,
            1);
    }

    [Fact]
    public async Task Acceptance_that_is_told_twice_is_journalled_once()
    {
        var message = Sample.Accepted("twice", "a@example.org", "b@example.net");

        await PublishAsync(message);
        await PublishAsync(message);
        var last = Sample.Accepted("twice-last", "a@example.org", "b@example.net");
        await PublishAsync(last);

        await StreamAsync(last.QueueId, 1);
        Assert.Single(await StreamAsync(message.QueueId, 1));
    }

    [Fact]
    public async Task Delivery_that_is_journalled_before_the_acceptance_loses_neither()
    {
        var message = Sample.Accepted("early", "a@example.org", "b@example.net");
        await Services.GetRequiredService<IJournal>().AppendAsync(message.QueueId, Sample.Delivered("b@example.net"), Stop);
        await EventuallyAsync($"SELECT count(*) FROM journal.messages WHERE queue_id = '{message.QueueId}' AND state = 'delivered'", 1);

        await PublishAsync(message);

        await StreamAsync(message.QueueId, 2);
        await EventuallyAsync(
            $"SELECT count(*) FROM journal.messages WHERE queue_id = '{message.QueueId}' AND state = 'delivered' AND addresses @> '{{b@example.net}}'", 1);
    }

    [Fact]
    public async Task Refused_transaction_is_found_by_its_addresses()
    {
        var queueId = $"refused-{Guid.NewGuid():N}";
        Services.GetRequiredService<IJournal>().Append(queueId, Sample.Refused("forged@example.org", "Bob@example.net"));

        Assert.Equal("transaction-refused", Assert.Single(await StreamAsync(queueId, 1)).Type);
        await EventuallyAsync($"SELECT count(*) FROM journal.messages WHERE queue_id = '{queueId}' AND state = 'refused' AND addresses @> '{{bob@example.net}}'", 1);
    }

    [Theory]
    [InlineData(598)]
    [InlineData(599)]
    [InlineData(100_000)]
    public async Task Message_ID_of_any_length_and_script_is_journalled(int length)
    {
        // Half of a surrogate pair is no text that PostgreSQL would take, and an index entry has its limit too.
        var message = Sample.Accepted($"long-id-{length}", "a@example.org", "b@example.net") with { MessageId = $"<{new string('\u20ac', length)}\U0001F600@example.org>" };
        await PublishAsync(message);

        Assert.Single(await StreamAsync(message.QueueId, 1));
    }

    [Fact]
    public async Task Many_messages_at_once_all_arrive()
    {
        var messages = Enumerable.Range(0, 1000).Select(i => Sample.Accepted($"many-{i}", "a@example.org", $"b{i}@example.net")).ToList();
        var journal = Services.GetRequiredService<IJournal>();

        foreach (var message in messages)
        {
            journal.AppendAcceptance(message);
            journal.Append(message.QueueId, Sample.Delivered(message.Envelope.Recipients[0].ForwardPath));
        }

        await EventuallyAsync("SELECT count(*) FROM journal.mt_events WHERE stream_id LIKE 'many-%'", 2000);
        await EventuallyAsync("SELECT count(*) FROM journal.messages WHERE queue_id LIKE 'many-%' AND state = 'delivered' AND addresses IS NOT NULL", 1000);
        await EventuallyAsync("SELECT count(*) FROM journal.mt_streams WHERE id LIKE 'many-%' AND version = 2", 1000);
    }

    [Theory]
    [InlineData(EventStoreLimits.StreamId + 1, "recipient-delivered")]
    [InlineData(10, "accepted-for-delivery")]
    public async Task Bad_entry_goes_to_the_error_queue_and_takes_no_other_along(int queueIdLength, string type)
    {
        var bad = new JournalEntry
        {
            EventId = Guid.CreateVersion7(),
            QueueId = new string('x', queueIdLength),
            At = TimeProvider.System.GetUtcNow(),
            Type = type,
            Data = System.Text.Json.JsonDocument.Parse("{}").RootElement,
        };
        var with = bad with { EventId = Guid.CreateVersion7(), QueueId = $"with-the-bad-{type}", Type = "recipient-delivered" };
        var good = Sample.Accepted($"beside-the-bad-{type}", "a@example.org", "b@example.net");

        await Services.GetRequiredService<IBus>().Publish(new JournalEntries { Entries = [bad, with] }, Stop);
        await PublishAsync(good);

        await StreamAsync(good.QueueId, 1);
        await StreamAsync(with.QueueId, 1);
        Assert.Contains($"{bad.EventId}", Encoding.UTF8.GetString(await BrokerQueue.TakeAsync(rabbit.Uri, "journal_error", Stop)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Retention_removes_old_messages_with_their_streams()
    {
        var old = Sample.Accepted("old", "a@example.org", "b@example.net") with { ReceivedAt = TimeProvider.System.GetUtcNow().AddDays(-31) };
        var young = Sample.Accepted("young", "a@example.org", "b@example.net");
        await PublishAsync(old);
        await PublishAsync(young);
        await StreamAsync(old.QueueId, 1);
        await StreamAsync(young.QueueId, 1);
        await EventuallyAsync($"SELECT count(*) FROM journal.messages WHERE queue_id IN ('{old.QueueId}', '{young.QueueId}')", 2);

        var retention = Services.GetServices<IHostedService>().OfType<Retention.RetentionService>().Single();
        Assert.Equal(1, await retention.RemoveExpiredAsync(Stop));

        Assert.Empty(await StreamAsync(old.QueueId, 0));
        Assert.Single(await StreamAsync(young.QueueId, 1));
        await EventuallyAsync($"SELECT count(*) FROM journal.messages WHERE queue_id IN ('{old.QueueId}', '{young.QueueId}')", 1);
    }

    private Task PublishAsync(MessageAccepted message) => JournalHost.TellAsync(Services, message, Stop);

    private Task<List<StoredEvent>> StreamAsync(string queueId, int atLeast) => JournalHost.StreamAsync(Services, queueId, atLeast, Stop);

    private async Task EventuallyAsync(string sql, long expected)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var actual = -1L;
        for (var tries = 0; tries < 1500 && actual != expected; tries++)
        {
            await timer.WaitForNextTickAsync(Stop);
            await using var command = Services.GetRequiredService<NpgsqlDataSource>().CreateCommand(sql);
            actual = (long)(await command.ExecuteScalarAsync(Stop))!;
        }

        Assert.Equal(expected, actual);
    }
}
