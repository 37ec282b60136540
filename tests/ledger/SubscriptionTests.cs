using Mailkey.Ledger.Events;
using Mailkey.Ledger.Subscriptions;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Ledger.Tests;

public sealed class SubscriptionTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Projection_sees_every_event_once()
    {
        var balances = new Balances();
        await using var ledger = await LedgerDatabase.CreateAsync(postgres, balances);
        var (ann, bob) = (LedgerDatabase.NewAccount(), LedgerDatabase.NewAccount());
        await ledger.AppendAsync(ann, new Opened("ann"), new Paid(1, "EUR"));
        await ledger.AppendAsync(bob, new Opened("bob"), new Closed());

        Assert.Equal(4, await ledger.AdvanceAsync(balances));
        await ledger.AppendAsync(ann, new Paid(2, "EUR"));
        Assert.Equal(1, await ledger.AdvanceAsync(balances));
        Assert.Equal(0, await ledger.AdvanceAsync(balances));

        Assert.Equal("ann 3 3", await ledger.ScalarAsync<string>($"SELECT string_agg(concat_ws(' ', owner, balance, events), ', ') FROM {ledger.Schema}.balances"));
    }

    [Fact]
    public async Task Event_that_is_committed_late_is_not_skipped()
    {
        var balances = new Balances();
        await using var ledger = await LedgerDatabase.CreateAsync(postgres, balances);
        await using var connection = await ledger.Source.OpenConnectionAsync(Stop);
        await using var transaction = await connection.BeginTransactionAsync(Stop);
        await using (var early = new NpgsqlCommand(
            $"SELECT pg_advisory_xact_lock_shared(hashtextextended('mailkey.events.{ledger.Schema}', 0)); " +
            $"INSERT INTO {ledger.Schema}.mt_events (id, stream_id, version, data, type) VALUES (gen_random_uuid(), 'early', 1, '{{\"owner\":\"early\"}}', 'opened')",
            connection,
            transaction))
        {
            await early.ExecuteNonQueryAsync(Stop);
        }

        // It has the later position and is committed first.
        await ledger.AppendAsync("late", new Opened("late"));
        var advance = ledger.AdvanceAsync(balances);
        await transaction.CommitAsync(Stop);
        var handled = await advance;

        Assert.Equal(2, handled + await ledger.AdvanceAsync(balances));
        Assert.Equal("early, late", await ledger.ScalarAsync<string>($"SELECT string_agg(owner, ', ' ORDER BY owner) FROM {ledger.Schema}.balances"));
    }

    [Fact]
    public async Task Fault_moves_neither_tables_nor_checkpoint()
    {
        var balances = new Balances();
        await using var ledger = await LedgerDatabase.CreateAsync(postgres, balances);
        await ledger.AppendAsync(LedgerDatabase.NewAccount(), new Opened("ann"));
        balances.Fault = new InvalidOperationException("not now");

        await Assert.ThrowsAsync<InvalidOperationException>(() => ledger.AdvanceAsync(balances));
        Assert.Equal(0L, await ledger.ScalarAsync<long>($"SELECT count(*) FROM {ledger.Schema}.balances"));

        balances.Fault = null;
        Assert.Equal(1, await ledger.AdvanceAsync(balances));
        Assert.Equal(1L, await ledger.ScalarAsync<long>($"SELECT count(*) FROM {ledger.Schema}.balances"));
    }

    [Fact]
    public async Task Replicas_share_the_work_and_keep_the_order()
    {
        var balances = new Balances();
        await using var ledger = await LedgerDatabase.CreateAsync(postgres, balances);
        var followed = new Followed();
        using var one = NewService(ledger, TimeProvider.System, balances, followed);
        using var two = NewService(ledger, TimeProvider.System, balances, followed);
        await one.StartAsync(Stop);
        await two.StartAsync(Stop);

        var streams = Enumerable.Range(0, 8).Select(_ => LedgerDatabase.NewAccount()).ToArray();
        await Task.WhenAll(streams.Select(async stream =>
        {
            await ledger.AppendAsync(stream, new Opened("x"));
            for (var i = 0; i < 20; i++)
            {
                await ledger.AppendAsync(stream, new Paid(i, "EUR"));
            }
        }));

        await Eventually.GetAsync(
            () => ledger.ScalarAsync<long>($"SELECT coalesce(sum(events), 0)::bigint FROM {ledger.Schema}.balances"), sum => sum == 8 * 21, TimeSpan.FromSeconds(30), () => "not all projected");
        await Eventually.GetAsync(() => followed.Count, count => count >= 8 * 21, TimeSpan.FromSeconds(30), () => "not all followed");

        // Now both wait for news.
        await ledger.AppendAsync(streams[0], new Paid(0, "EUR"));
        await Eventually.GetAsync(() => followed.Count, count => count > 8 * 21, TimeSpan.FromSeconds(30), () => "the last not followed");
        await one.StopAsync(Stop);
        await two.StopAsync(Stop);

        Assert.Equal((8 * 21) + 1, followed.Count);
        Assert.Equal(followed.Positions.Order(), followed.Positions);
        Assert.Equal(8 * 190L, await ledger.ScalarAsync<long>($"SELECT sum(balance)::bigint FROM {ledger.Schema}.balances"));
    }

    [Fact]
    public async Task Subscription_that_fails_holds_back_no_other()
    {
        const int Events = 3000;
        var broken = new Balances("broken") { Fault = new InvalidOperationException("never") };
        await using var ledger = await LedgerDatabase.CreateAsync(postgres);
        await ledger.Store.AppendBatchAsync(
            [.. Enumerable.Range(0, Events).Select(i => Account.Catalog.Encode(new Opened($"{i}"), Guid.CreateVersion7(), LedgerDatabase.NewAccount(), DateTimeOffset.UnixEpoch))], Stop);
        var followed = new Followed();
        var time = new ManualTime();
        using var service = NewService(ledger, time, broken, followed);

        // Six pages, in no time by the clock that the one that fails waits for.
        await service.StartAsync(Stop);
        await Eventually.GetAsync(() => followed.Count, count => count == Events, TimeSpan.FromSeconds(30), () => "not all followed");
        Assert.Equal(1, broken.Attempts);

        time.Advance(TimeSpan.FromSeconds(2));
        await Eventually.GetAsync(() => broken.Attempts, attempts => attempts == 2, TimeSpan.FromSeconds(30), () => "not tried again");
        await service.StopAsync(Stop);
        Assert.Equal(0L, await ledger.ScalarAsync<long>($"SELECT coalesce(max(last_seq_id), 0) FROM {ledger.Schema}.mt_event_progression WHERE name = 'broken'"));
    }

    private static SubscriptionService NewService(LedgerDatabase ledger, TimeProvider time, params Subscription[] subscriptions) =>
        new(ledger.Reader, ledger.Store, ledger.Source, ledger.Schema, subscriptions, time, NullLogger<SubscriptionService>.Instance);

    /// <summary>Tells the world, in its own way.</summary>
    private sealed class Followed : Subscription
    {
        private readonly List<long> _positions = [];

        public override string Name => "followed";

        public int Count
        {
            get
            {
                lock (_positions)
                {
                    return _positions.Count;
                }
            }
        }

        public IReadOnlyList<long> Positions => _positions;

        public override ValueTask HandleAsync(SubscriptionPage page, CancellationToken cancellationToken)
        {
            lock (_positions)
            {
                _positions.AddRange(page.Events.Select(e => e.Stored.Position));
            }

            return default;
        }
    }
}
