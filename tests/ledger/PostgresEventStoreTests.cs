using Mailkey.Hosting.Postgres;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Ledger.Tests;

public sealed class PostgresEventStoreTests(PostgresServer postgres) : EventStoreContract, IClassFixture<PostgresServer>, IAsyncLifetime
{
    private readonly NpgsqlDataSource _database = NpgsqlDataSource.Create(postgres.ConnectionString);
    private PostgresEventStore? _store;

    protected override IEventStore Store => PostgresStore;

    private PostgresEventStore PostgresStore => _store ?? throw new InvalidOperationException("not initialised");

    public async ValueTask InitializeAsync()
    {
        await new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance)
            .ApplyAsync(PostgresEventStore.Migrations("ledger"), TestContext.Current.CancellationToken);
        _store = new PostgresEventStore(_database, "ledger");
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Append_that_is_not_committed_holds_back_the_reader_of_what_came_after_it()
    {
        var stop = TestContext.Current.CancellationToken;
        var early = NewStream();
        await using var connection = await _database.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);
        await using (var gate = new NpgsqlCommand("SELECT pg_advisory_xact_lock_shared(hashtextextended('mailkey.events.ledger', 0))", connection, transaction))
        {
            await gate.ExecuteNonQueryAsync(stop);
        }

        await using (var insert = new NpgsqlCommand(
            "INSERT INTO ledger.mt_events (id, stream_id, version, data, type) VALUES (gen_random_uuid(), $1, 1, '{}', 'early')", connection, transaction))
        {
            insert.Parameters.Add(new() { Value = early });
            await insert.ExecuteNonQueryAsync(stop);
        }

        var late = NewStream();
        await Store.AppendBatchAsync([Event(late, 1)], stop);

        var read = AllStreamsAsync();
        Assert.False(read.IsCompleted);
        await transaction.CommitAsync(stop);

        var streams = await read;
        Assert.True(streams.IndexOf(early) >= 0 && streams.IndexOf(early) < streams.IndexOf(late));
    }

    [Fact]
    public async Task Statements_alongside_share_the_fate_of_the_batch()
    {
        var stop = TestContext.Current.CancellationToken;
        var stream = NewStream();
        var e = Event(stream, 1);

        await Assert.ThrowsAsync<PostgresException>(
            () => PostgresStore.AppendBatchAsync([e], commands => commands.Add(new("SELECT 1/0")), stop));
        Assert.Equal(1, await PostgresStore.AppendBatchAsync([e], commands => commands.Add(new("CREATE TABLE IF NOT EXISTS ledger.along (n int)")), stop));
        Assert.Equal(0, await PostgresStore.AppendBatchAsync([e], commands => commands.Add(new("INSERT INTO ledger.along VALUES (1)")), stop));

        await using var count = _database.CreateCommand("SELECT count(*) FROM ledger.along");
        Assert.Equal(1L, await count.ExecuteScalarAsync(stop));
    }

    private async Task<List<string>> AllStreamsAsync()
    {
        List<StoredEvent> all = [];
        while (await Store.ReadAllAsync(all.Count == 0 ? 0 : all[^1].Position, 1000, TestContext.Current.CancellationToken) is { Count: > 0 } page)
        {
            all.AddRange(page);
        }

        return [.. all.Select(e => e.StreamId)];
    }
}
