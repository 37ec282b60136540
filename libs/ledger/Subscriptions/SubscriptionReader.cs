using Mailkey.Hosting.Postgres;
using Mailkey.Ledger.Events;
using Npgsql;

namespace Mailkey.Ledger.Subscriptions;

/// <summary>Brings subscriptions forward: one page of events, one transaction.</summary>
public sealed class SubscriptionReader(NpgsqlDataSource dataSource, PostgresEventStore store, EventCatalog catalog)
{
    private readonly LedgerStreams _streams = new(store, catalog);

    /// <summary>Events of one transaction.</summary>
    private const int PageSize = 500;

    /// <summary>The table of checkpoints, named and laid out as Marten's.</summary>
    public static SchemaMigration[] Migrations(string schema) => [new(schema, "subscriptions-1", CreateTable(schema))];

    internal static string CreateTable(string schema) => $"""
        CREATE TABLE {SqlIdentifier.Require(schema)}.mt_event_progression (
            name varchar NOT NULL CONSTRAINT pk_mt_event_progression PRIMARY KEY,
            last_seq_id bigint,
            last_updated timestamptz DEFAULT transaction_timestamp())
        """;

    /// <summary>Handles the next page of a subscription, unless another process is at it.</summary>
    /// <param name="schema">Where its checkpoint and its tables are.</param>
    /// <param name="upTo">No event beyond this position; null for all there are.</param>
    /// <returns>How many events were handled; 0 when it is up to date, or in another's hands.</returns>
    public async Task<int> AdvanceAsync(Subscription subscription, string schema, long? upTo, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(subscription);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await LockAsync(connection, subscription.Name, schema, wait: false, cancellationToken) is not { } position)
        {
            return 0;
        }

        // On a connection of its own: passing the gate must not become part of this longer transaction.
        var page = await store.ReadAllAsync(position, PageSize, cancellationToken);
        List<LedgerEvent> events = new(page.Count);
        foreach (var stored in page)
        {
            if (upTo is null || stored.Position <= upTo)
            {
                events.Add(_streams.Decode(stored));
            }
        }

        if (events.Count > 0)
        {
            await HandleAsync(connection, subscription, schema, events, _streams, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        return events.Count;
    }

    /// <summary>Position of the last event that a subscription has handled, which stays that until the transaction ends.</summary>
    /// <returns>Null when another process has it and <paramref name="wait"/> is false.</returns>
    internal static async Task<long?> LockAsync(NpgsqlConnection connection, string name, string schema, bool wait, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(new($"INSERT INTO {SqlIdentifier.Require(schema)}.mt_event_progression (name, last_seq_id) VALUES ($1, 0) ON CONFLICT DO NOTHING")
        {
            Parameters = { new() { Value = name } },
        });
        batch.BatchCommands.Add(new($"SELECT last_seq_id FROM {schema}.mt_event_progression WHERE name = $1 FOR UPDATE {(wait ? "" : "SKIP LOCKED")}")
        {
            Parameters = { new() { Value = name } },
        });
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? reader.GetInt64(0) : null;
    }

    internal static async Task HandleAsync(
        NpgsqlConnection connection, Subscription subscription, string schema, IReadOnlyList<LedgerEvent> events, LedgerStreams streams, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        await subscription.HandleAsync(new(schema, events, connection, batch.BatchCommands, streams), cancellationToken);
        batch.BatchCommands.Add(new($"UPDATE {schema}.mt_event_progression SET last_seq_id = $2, last_updated = transaction_timestamp() WHERE name = $1")
        {
            Parameters = { new() { Value = subscription.Name }, new() { Value = events[^1].Stored.Position } },
        });
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }
}
