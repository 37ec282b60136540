using Mailkey.Hosting.Postgres;
using Mailkey.Ledger.Events;
using Mailkey.Ledger.Subscriptions;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Ledger.Tests;

/// <summary>A ledger with a schema of its own, so that no test sees the events of another.</summary>
internal sealed class LedgerDatabase : IAsyncDisposable
{
    private LedgerDatabase(NpgsqlDataSource source, string schema)
    {
        (Source, Schema) = (source, schema);
        Store = new(source, schema, announce: true);
        Reader = new(source, Store, Account.Catalog);
        Accounts = new(Store, Account.Catalog, Account.None, Account.Evolve, TimeProvider.System);
    }

    public NpgsqlDataSource Source { get; }

    public string Schema { get; }

    public PostgresEventStore Store { get; }

    public SubscriptionReader Reader { get; }

    public Aggregates<Account> Accounts { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static Task<LedgerDatabase> CreateAsync(PostgresServer postgres, params Projection[] projections) =>
        CreateAsync(postgres, $"ledger_{Guid.NewGuid():N}", projections);

    public static async Task<LedgerDatabase> CreateAsync(PostgresServer postgres, string schema, params Projection[] projections)
    {
        var source = NpgsqlDataSource.Create(postgres.ConnectionString);
        await new SchemaMigrator(source, NullLogger<SchemaMigrator>.Instance).ApplyAsync(
            [
                .. PostgresEventStore.Migrations(schema), .. SubscriptionReader.Migrations(schema),
                .. projections.Select(projection => new SchemaMigration(schema, projection.Name, projection.CreateTables(schema))),
            ],
            Stop);
        return new(source, schema);
    }

    public static string NewAccount() => $"account-{Guid.NewGuid():N}";

    public Task AppendAsync(string stream, params object[] events) =>
        Accounts.DecideAsync(stream, _ => ((IReadOnlyList<object>)events, true), "test", null, Stop);

    /// <summary>Advances until nothing is left.</summary>
    public async Task<int> AdvanceAsync(Subscription subscription)
    {
        var sum = 0;
        for (int handled; (handled = await Reader.AdvanceAsync(subscription, Schema, null, Stop)) > 0;)
        {
            sum += handled;
        }

        return sum;
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(Stop))!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Stop);
    }

    public async Task<IReadOnlyList<StoredEvent>> ReadAsync(string stream)
    {
        List<StoredEvent> events = [];
        await foreach (var stored in Store.ReadStreamAsync(stream, 0, null, Stop))
        {
            events.Add(stored);
        }

        return events;
    }

    public ValueTask DisposeAsync() => Source.DisposeAsync();
}
