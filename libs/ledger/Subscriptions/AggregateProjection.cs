using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger.Events;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Ledger.Subscriptions;

/// <summary>A column of a table of aggregates, made from the state.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Of">Its text; null for NULL.</param>
/// <param name="Indexed">Whether rows are looked for by it.</param>
public sealed record AggregateColumn<TState>(string Name, Func<TState, string?> Of, bool Indexed = false);

/// <summary>
/// A table with a row for each stream of a kind: the state that its events add up to, as JSON, and columns to look for it by. A page of
/// events costs two round trips, however many streams it touches. Before an event that a newer program wrote a row stops, with its version:
/// whoever reads it sees that it is behind, and the program that knows the event goes on from there.
/// </summary>
/// <param name="name">Name of the projection, and with underscores of its table.</param>
/// <param name="prefix">Streams of this kind have ids that begin so.</param>
/// <param name="json">How a state is kept.</param>
/// <param name="indexes">Columns of further indexes, beside those of <paramref name="columns"/>.</param>
public sealed class AggregateProjection<TState>(
    string name, string prefix, TState initial, Func<TState, object, TState> evolve, JsonTypeInfo<TState> json, IReadOnlyList<AggregateColumn<TState>> columns, params IReadOnlyList<string[]> indexes) : Projection
    where TState : class
{
    private readonly string _table = SqlIdentifier.Require(name.Replace('-', '_'));

    public override string Name => name;

    public override IReadOnlyList<string> Tables => [_table];

    public override string CreateTables(string schema) =>
        $"""
        CREATE TABLE {SqlIdentifier.Require(schema)}.{_table} (
            id varchar PRIMARY KEY,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            changed_at timestamptz NOT NULL,
            state jsonb NOT NULL{string.Concat(columns.Select(column => $",\n    {SqlIdentifier.Require(column.Name)} text"))});
        {string.Concat(columns.Where(column => column.Indexed).Select(column => $"CREATE INDEX ON {schema}.{_table} ({column.Name}, id);\n"))}
        """;

    public override string CreateIndexes(string schema) => string.Concat(indexes.Select(
        index => $"CREATE INDEX ON {SqlIdentifier.Require(schema)}.{_table} ({string.Join(", ", index.Select(SqlIdentifier.Require))});\n"));

    public override async ValueTask HandleAsync(SubscriptionPage page, CancellationToken cancellationToken)
    {
        Dictionary<string, Row> rows = new(StringComparer.Ordinal);
        foreach (var e in page.Events)
        {
            // The first event of a stream needs no look at what was before.
            if (e.Stored.StreamId.StartsWith(prefix, StringComparison.Ordinal) && !rows.ContainsKey(e.Stored.StreamId))
            {
                rows.Add(e.Stored.StreamId, new(initial, e.Stored.At, IsKnown: e.Stored.Version > 1));
            }
        }

        await LoadAsync(page, rows, cancellationToken);
        foreach (var e in page.Events)
        {
            if (rows.TryGetValue(e.Stored.StreamId, out var row) && !row.HasStopped)
            {
                if (e.Stored.Version > row.Version + 1)
                {
                    row = await CatchUpAsync(page, row, e.Stored, cancellationToken);
                }

                rows[e.Stored.StreamId] = Next(row, e);
            }
        }

        // Of a stream that begins with what this program does not know there is no row.
        foreach (var stream in rows.Where(row => row.Value.Version == 0).Select(row => row.Key).ToList())
        {
            rows.Remove(stream);
        }

        if (rows.Count > 0)
        {
            page.Statements.Add(Upsert(page.Schema, rows));
        }
    }

    // What an older program did not know, and what came behind that.
    private async Task<Row> CatchUpAsync(SubscriptionPage page, Row row, StoredEvent until, CancellationToken cancellationToken)
    {
        await foreach (var missed in page.Streams.ReadAsync(until.StreamId, row.Version, cancellationToken))
        {
            if (missed.Stored.Version >= until.Version || row.HasStopped)
            {
                break;
            }

            row = Next(row.Version == 0 ? row with { CreatedAt = missed.Stored.At } : row, missed);
        }

        return row;
    }

    private Row Next(Row row, LedgerEvent e) => e.Value is null || e.Stored.Version > row.Version + 1 ? row with { HasStopped = true }
        : e.Stored.Version <= row.Version ? row
        : row with { State = evolve(row.State, e.Value), Version = e.Stored.Version, ChangedAt = e.Stored.At };

    private async Task LoadAsync(SubscriptionPage page, Dictionary<string, Row> rows, CancellationToken cancellationToken)
    {
        var known = rows.Where(row => row.Value.IsKnown).Select(row => row.Key).ToArray();
        if (known.Length == 0)
        {
            return;
        }

        await using var command = new NpgsqlCommand($"SELECT id, version, created_at, changed_at, state FROM {page.Schema}.{_table} WHERE id = ANY($1)", page.Connection);
        command.Parameters.Add(new() { Value = known, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Varchar });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var state = JsonSerializer.Deserialize(reader.GetFieldValue<byte[]>(4), json) ?? initial;
            rows[reader.GetString(0)] = new(state, reader.GetFieldValue<DateTimeOffset>(2), IsKnown: true)
            {
                Version = reader.GetInt64(1),
                ChangedAt = reader.GetFieldValue<DateTimeOffset>(3),
            };
        }
    }

    private NpgsqlBatchCommand Upsert(string schema, Dictionary<string, Row> rows)
    {
        var names = string.Concat(columns.Select(column => $", {column.Name}"));
        var values = string.Concat(Enumerable.Range(6, columns.Count).Select(i => $", ${i}"));
        var updates = string.Concat(columns.Select(column => $", {column.Name} = excluded.{column.Name}"));
        var command = new NpgsqlBatchCommand(
            $"""
            INSERT INTO {schema}.{_table} (id, version, created_at, changed_at, state{names})
            SELECT * FROM unnest($1, $2, $3, $4, $5{values})
            ON CONFLICT (id) DO UPDATE SET version = excluded.version, changed_at = excluded.changed_at, state = excluded.state{updates}
            """);
        var ids = rows.Keys.ToArray();
        var list = rows.Values.ToArray();
        command.Parameters.Add(new() { Value = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Varchar });
        command.Parameters.Add(new() { Value = Array.ConvertAll(list, row => row.Version) });
        command.Parameters.Add(new() { Value = Array.ConvertAll(list, row => row.CreatedAt.ToUniversalTime()) });
        command.Parameters.Add(new() { Value = Array.ConvertAll(list, row => row.ChangedAt.ToUniversalTime()) });
        command.Parameters.Add(new()
        {
            Value = Array.ConvertAll(list, row => JsonSerializer.SerializeToUtf8Bytes(row.State, json)),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb,
        });
        foreach (var column in columns)
        {
            command.Parameters.Add(new() { Value = Array.ConvertAll(list, row => column.Of(row.State)), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        }

        return command;
    }

    private sealed record Row(TState State, DateTimeOffset CreatedAt, bool IsKnown)
    {
        public long Version { get; init; }

        public DateTimeOffset ChangedAt { get; init; }

        /// <summary>What comes next is not known here.</summary>
        public bool HasStopped { get; init; }
    }
}
