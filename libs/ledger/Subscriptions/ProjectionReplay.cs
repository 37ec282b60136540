using System.Runtime.CompilerServices;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger.Events;
using Npgsql;

namespace Mailkey.Ledger.Subscriptions;

/// <summary>How far a replay is.</summary>
/// <param name="Events">Events handled so far.</param>
/// <param name="Position">Position of the last of them.</param>
/// <param name="UpTo">Position to be reached, as far as is known.</param>
public readonly record struct ReplayProgress(long Events, long Position, long UpTo);

/// <summary>A row that one of two read models has and the other has not.</summary>
/// <param name="Side"><c>live</c> or <c>replayed</c>: who has it.</param>
/// <param name="Row">The row as JSON.</param>
public sealed record ReplayDifference(string Table, string Side, string Row);

/// <summary>What a replay showed.</summary>
/// <param name="Events">Events that were replayed.</param>
/// <param name="Rows">Rows that the replayed tables have.</param>
/// <param name="Differences">Where live and replayed tables are not the same; some of them when there are many.</param>
/// <param name="Replaced">Whether the replayed tables have become the live ones.</param>
public sealed record ReplayResult(long Events, long Rows, IReadOnlyList<ReplayDifference> Differences, bool Replaced);

/// <summary>
/// Makes a projection again from the first event, beside the live one and while that goes on; compares the two at the same event; and puts
/// the new one in its place when asked to.
/// </summary>
public sealed class ProjectionReplay(NpgsqlDataSource dataSource, PostgresEventStore store, EventCatalog catalog)
{
    /// <summary>Differences that are named, for each table and side.</summary>
    public const int MaxDifferences = 10;

    private const int PageSize = 5000;

    private readonly LedgerStreams _streams = new(store, catalog);

    /// <summary>Replays a projection.</summary>
    /// <param name="schema">The live schema.</param>
    /// <param name="replace">Whether the result becomes the live one.</param>
    public async Task<ReplayResult> RunAsync(
        Projection projection, string schema, bool replace, IProgress<ReplayProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(projection);
        var shadow = SqlIdentifier.Require($"{schema}_replay_{projection.Name.Replace('-', '_')}");
        await ExecuteAsync(
            $"""
            DROP SCHEMA IF EXISTS {shadow} CASCADE;
            CREATE SCHEMA {shadow};
            {SubscriptionReader.CreateTable(shadow)};
            {projection.CreateTables(shadow)}
            {projection.CreateIndexes(shadow)}
            """,
            cancellationToken);
        try
        {
            long events = 0, position = 0;
            await using var shadowConnection = await dataSource.OpenConnectionAsync(cancellationToken);
            async Task ReplayAsync(long upTo)
            {
                await foreach (var page in ReadAsync(position, upTo, cancellationToken))
                {
                    await using var step = await shadowConnection.BeginTransactionAsync(cancellationToken);
                    await SubscriptionReader.HandleAsync(shadowConnection, projection, shadow, page, _streams, cancellationToken);
                    await step.CommitAsync(cancellationToken);
                    (events, position) = (events + page.Count, page[^1].Stored.Position);
                    progress?.Report(new(events, position, upTo));
                }
            }

            await ReplayAsync(await store.SafePositionAsync(cancellationToken));

            // From here on the live projection is held still, and both are brought to the same event.
            await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            var live = await SubscriptionReader.LockAsync(connection, projection.Name, schema, wait: true, cancellationToken) ?? 0;
            await foreach (var page in ReadAsync(live, position, cancellationToken))
            {
                await SubscriptionReader.HandleAsync(connection, projection, schema, page, _streams, cancellationToken);
            }

            if (live > position)
            {
                await ReplayAsync(live);
            }

            List<ReplayDifference> differences = [];
            long rows = 0;
            foreach (var table in projection.Tables)
            {
                rows += await CountAsync(connection, $"{shadow}.{SqlIdentifier.Require(table)}", cancellationToken);
                differences.AddRange(await CompareAsync(connection, table, schema, shadow, cancellationToken));
            }

            if (replace)
            {
                await ReplaceAsync(connection, projection, schema, shadow, position, cancellationToken);
                await transaction.CommitAsync(cancellationToken);
            }

            return new(events, rows, differences, replace);
        }
        finally
        {
            await ExecuteAsync($"DROP SCHEMA IF EXISTS {shadow} CASCADE", CancellationToken.None);
        }
    }

    private async IAsyncEnumerable<List<LedgerEvent>> ReadAsync(long afterPosition, long upToPosition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<LedgerEvent> page = new(PageSize);
        await foreach (var stored in store.ReadRangeAsync(afterPosition, upToPosition, cancellationToken))
        {
            page.Add(_streams.Decode(stored));
            if (page.Count == PageSize)
            {
                yield return page;
                page.Clear();
            }
        }

        if (page.Count > 0)
        {
            yield return page;
        }
    }

    private static async Task<List<ReplayDifference>> CompareAsync(NpgsqlConnection connection, string table, string schema, string shadow, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"""
            (SELECT 'live', to_jsonb(d)::text FROM (SELECT * FROM {schema}.{table} EXCEPT ALL SELECT * FROM {shadow}.{table}) AS d LIMIT {MaxDifferences})
            UNION ALL
            (SELECT 'replayed', to_jsonb(d)::text FROM (SELECT * FROM {shadow}.{table} EXCEPT ALL SELECT * FROM {schema}.{table}) AS d LIMIT {MaxDifferences})
            """,
            connection)
        {
            CommandTimeout = 0,
        };
        List<ReplayDifference> differences = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            differences.Add(new(table, reader.GetString(0), reader.GetString(1)));
        }

        return differences;
    }

    // Readers wait for the moment of the exchange, and see the one or the other.
    private static async Task ReplaceAsync(NpgsqlConnection connection, Projection projection, string schema, string shadow, long position, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        foreach (var table in projection.Tables)
        {
            batch.BatchCommands.Add(new($"DROP TABLE {schema}.{table}"));
            batch.BatchCommands.Add(new($"ALTER TABLE {shadow}.{table} SET SCHEMA {schema}"));
        }

        batch.BatchCommands.Add(new($"UPDATE {schema}.mt_event_progression SET last_seq_id = $2, last_updated = transaction_timestamp() WHERE name = $1")
        {
            Parameters = { new() { Value = projection.Name }, new() { Value = position } },
        });
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<long> CountAsync(NpgsqlConnection connection, string table, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand($"SELECT count(*) FROM {table}", connection) { CommandTimeout = 0 };
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
