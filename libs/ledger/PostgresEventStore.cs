using System.Runtime.CompilerServices;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Ledger;

/// <summary>
/// Events in PostgreSQL, in the tables of Marten with string stream ids, so that Marten can take them over. Of its
/// indexes those are left out that we have no use for, and the foreign key from events to streams: every append writes
/// both in one statement, and the check would cost a third of it.
/// </summary>
public sealed class PostgresEventStore : IEventStore
{
    /// <summary>An id may be stored by somebody else between the look and the append; then once more.</summary>
    private const int DuplicateAttempts = 5;

    private readonly NpgsqlDataSource _dataSource;
    private readonly string _schema;
    private readonly string _gate;
    private readonly string _appendBatch;
    private readonly string _appendNew;
    private readonly string _appendExisting;
    private readonly string _select;
    private readonly bool _announce;

    /// <param name="dataSource">The database.</param>
    /// <param name="schema">Where the tables are.</param>
    /// <param name="announce">
    /// Tells listeners of <see cref="Channel"/> about every append to a single stream. A commit that notifies waits for others that do, so it is
    /// for ledgers whose readers hurry, and not for a journal.
    /// </param>
    public PostgresEventStore(NpgsqlDataSource dataSource, string schema, bool announce = false)
    {
        _dataSource = dataSource;
        _announce = announce;
        Channel = $"{SqlIdentifier.Require(schema)}_events";
        _schema = SqlIdentifier.Require(schema);
        GateKey = $"mailkey.events.{schema}";

        // Positions are given out before the commit, so a reader could see 10 while 9 is still under way, and never come back for 9.
        // Appends hold the gate shared until they commit; a reader goes through it alone for a moment, and what it sees then is whole.
        _gate = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))";

        // What is stored already is left out, by a look into the index for each event: NOT EXISTS could become a join, and read a table
        // that is small today from end to end. A new stream begins with the number of its events as version, a known one moves on by
        // it, and the events count back from there. Streams are locked in the same order always: two batches that share some wait
        // for each other, and never both at once.
        _appendBatch = $"""
            WITH fresh AS MATERIALIZED (
                SELECT e.*, row_number() OVER (PARTITION BY e.stream_id ORDER BY e.place DESC) - 1 AS followers
                FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS e (id, stream_id, data, type, at, headers, place)
                WHERE (SELECT known.version FROM {schema}.mt_events AS known WHERE known.id = e.id) IS NULL),
            stream AS (
                INSERT INTO {schema}.mt_streams AS known (id, version)
                SELECT stream_id, count(*) FROM fresh GROUP BY stream_id ORDER BY stream_id COLLATE "C"
                ON CONFLICT (id) DO UPDATE SET version = known.version + excluded.version, timestamp = excluded.timestamp
                RETURNING id, version)
            INSERT INTO {schema}.mt_events (id, stream_id, version, data, type, timestamp, headers)
            SELECT e.id, e.stream_id, stream.version - e.followers, e.data, e.type, e.at, e.headers
            FROM fresh AS e JOIN stream ON stream.id = e.stream_id
            ORDER BY e.place
            """;

        var events = $"""
            , event AS (
                INSERT INTO {schema}.mt_events (id, stream_id, version, data, type, timestamp, headers)
                SELECT e.id, stream.id, $2 + e.place, e.data, e.type, e.at, e.headers
                FROM stream, unnest($4, $5, $6, $7, $8) WITH ORDINALITY AS e (id, data, type, at, headers, place)
                ORDER BY e.place)
            SELECT count(*) FROM stream
            """;
        _appendNew = $"""
            WITH stream AS (
                INSERT INTO {schema}.mt_streams (id, version) VALUES ($1, $2 + $3)
                ON CONFLICT (id) DO NOTHING RETURNING id)
            {events}
            """;
        _appendExisting = $"""
            WITH stream AS (
                UPDATE {schema}.mt_streams SET version = $2 + $3, timestamp = now()
                WHERE id = $1 AND version = $2 RETURNING id)
            {events}
            """;
        _select = $"SELECT seq_id, id, stream_id, version, type, timestamp, data, headers FROM {schema}.mt_events";
    }

    /// <summary>The channel of NOTIFY on which appends are announced.</summary>
    public string Channel { get; }

    /// <summary>What the gate's advisory lock is named after.</summary>
    internal string GateKey { get; }

    /// <summary>The steps that make the tables.</summary>
    public static SchemaMigration[] Migrations(string schema) =>
    [
        new(schema, "events-1", $"""
            CREATE SEQUENCE {SqlIdentifier.Require(schema)}.mt_events_sequence;
            CREATE TABLE {schema}.mt_streams (
                id varchar({EventStoreLimits.StreamId}) NOT NULL CONSTRAINT pkey_mt_streams_id PRIMARY KEY,
                type varchar,
                version bigint,
                timestamp timestamptz NOT NULL DEFAULT now(),
                snapshot jsonb,
                snapshot_version integer,
                created timestamptz NOT NULL DEFAULT now(),
                tenant_id varchar DEFAULT '*DEFAULT*',
                is_archived boolean DEFAULT false)
            WITH (fillfactor = 80);
            CREATE TABLE {schema}.mt_events (
                seq_id bigint NOT NULL DEFAULT nextval('{schema}.mt_events_sequence') CONSTRAINT pkey_mt_events_seq_id PRIMARY KEY,
                id uuid NOT NULL,
                stream_id varchar({EventStoreLimits.StreamId}),
                version bigint NOT NULL,
                data jsonb NOT NULL,
                type varchar({EventStoreLimits.Type}) NOT NULL,
                timestamp timestamptz NOT NULL DEFAULT now(),
                tenant_id varchar DEFAULT '*DEFAULT*',
                mt_dotnet_type varchar,
                is_archived boolean DEFAULT false);
            CREATE UNIQUE INDEX pk_mt_events_stream_and_version ON {schema}.mt_events (stream_id, version);
            CREATE UNIQUE INDEX idx_mt_events_event_id ON {schema}.mt_events (id);
            """),
        new(schema, "events-2", $"ALTER TABLE {schema}.mt_events ADD COLUMN headers jsonb"),
    ];

    public async Task<AppendResult> AppendAsync(
        string streamId, long expectedVersion, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(expectedVersion);
        ArgumentOutOfRangeException.ThrowIfZero(events.Count);
        if (events.FirstOrDefault(e => !string.Equals(e.StreamId, streamId, StringComparison.Ordinal)) is { } stranger)
        {
            throw new ArgumentException($"Event {stranger.Id} is of stream \"{stranger.StreamId}\", not \"{streamId}\".", nameof(events));
        }

        await using var batch = _dataSource.CreateBatch();
        batch.BatchCommands.Add(Gate());
        batch.BatchCommands.Add(new(expectedVersion == 0 ? _appendNew : _appendExisting)
        {
            Parameters =
            {
                new() { Value = streamId, NpgsqlDbType = NpgsqlDbType.Varchar },
                new() { Value = expectedVersion },
                new() { Value = (long)events.Count },
                Ids(events),
                Data(events),
                Types(events),
                Times(events),
                Headers(events),
            },
        });
        if (_announce)
        {
            batch.BatchCommands.Add(new("SELECT pg_notify($1, '')") { Parameters = { new() { Value = Channel } } });
        }

        try
        {
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            await reader.NextResultAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            var appended = reader.GetInt64(0) == 1;
            await reader.CloseAsync();
            return appended ? AppendResult.Appended : AppendResult.Conflict;
        }
        catch (PostgresException e) when (IsDuplicateEvent(e))
        {
            return AppendResult.AlreadyStored;
        }
    }

    public Task<int> AppendBatchAsync(IReadOnlyList<NewEvent> events, CancellationToken cancellationToken) =>
        AppendBatchAsync(events, null, cancellationToken);

    /// <summary>
    /// As <see cref="IEventStore.AppendBatchAsync"/>, together with statements of the caller in the same transaction and round trip. They
    /// run even when no event is new, so they have to be repeatable.
    /// </summary>
    /// <param name="events">The events.</param>
    /// <param name="alongside">Adds the caller's statements; called again when the transaction is tried again.</param>
    /// <param name="cancellationToken">Cancels the append; whether it has happened is not known then.</param>
    public async Task<int> AppendBatchAsync(
        IReadOnlyList<NewEvent> events, Action<IList<NpgsqlBatchCommand>>? alongside, CancellationToken cancellationToken)
    {
        var distinct = Distinct(events);
        for (var attempt = 1; ; attempt++)
        {
            if (distinct.Count == 0 && alongside is null)
            {
                return 0;
            }

            await using var batch = _dataSource.CreateBatch();
            var append = AppendBatchCommand(distinct);
            if (distinct.Count > 0)
            {
                batch.BatchCommands.Add(Gate());
                batch.BatchCommands.Add(append);
            }

            alongside?.Invoke(batch.BatchCommands);
            try
            {
                await batch.ExecuteNonQueryAsync(cancellationToken);
                return (int)append.RecordsAffected;
            }
            catch (PostgresException e) when (IsDuplicateEvent(e) && attempt < DuplicateAttempts)
            {
                // Stored by somebody else in the moment between our look and our append: the next look sees it.
            }
        }
    }

    public async IAsyncEnumerable<StoredEvent> ReadStreamAsync(
        string streamId, long afterVersion, DateTimeOffset? asOf, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = _dataSource.CreateCommand(
            $"{_select} WHERE stream_id = $1 AND version > $2 AND ($3::timestamptz IS NULL OR timestamp <= $3) ORDER BY version");
        command.Parameters.Add(new() { Value = streamId, NpgsqlDbType = NpgsqlDbType.Varchar });
        command.Parameters.Add(new() { Value = afterVersion });
        command.Parameters.Add(new() { Value = (object?)asOf?.ToUniversalTime() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            yield return Read(reader);
        }
    }

    public async Task<IReadOnlyList<StoredEvent>> ReadAllAsync(long afterPosition, int pageSize, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pageSize);
        await using var batch = _dataSource.CreateBatch();
        batch.BatchCommands.Add(Passage());

        // A statement of its own: its snapshot is taken after the gate was passed.
        batch.BatchCommands.Add(new($"{_select} WHERE seq_id > $1 ORDER BY seq_id LIMIT $2")
        {
            Parameters = { new() { Value = afterPosition }, new() { Value = pageSize } },
        });
        List<StoredEvent> page = [];
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            page.Add(Read(reader));
        }

        return page;
    }

    public async Task<long> SafePositionAsync(CancellationToken cancellationToken)
    {
        await using var batch = _dataSource.CreateBatch();
        batch.BatchCommands.Add(Passage());
        batch.BatchCommands.Add(new($"SELECT coalesce(max(seq_id), 0) FROM {_schema}.mt_events"));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return reader.GetInt64(0);
    }

    public async IAsyncEnumerable<StoredEvent> ReadRangeAsync(
        long afterPosition, long upToPosition, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = _dataSource.CreateCommand($"{_select} WHERE seq_id > $1 AND seq_id <= $2 ORDER BY seq_id");
        command.CommandTimeout = 0;
        command.Parameters.Add(new() { Value = afterPosition });
        command.Parameters.Add(new() { Value = upToPosition });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            yield return Read(reader);
        }
    }

    public async Task<int> DeleteStreamsAsync(IReadOnlyCollection<string> streamIds, CancellationToken cancellationToken)
    {
        await using var batch = _dataSource.CreateBatch();
        var events = new NpgsqlBatchCommand($"DELETE FROM {_schema}.mt_events WHERE stream_id = ANY($1)") { Parameters = { Streams(streamIds) } };
        batch.BatchCommands.Add(events);
        batch.BatchCommands.Add(new($"DELETE FROM {_schema}.mt_streams WHERE id = ANY($1)") { Parameters = { Streams(streamIds) } });
        await batch.ExecuteNonQueryAsync(cancellationToken);
        return (int)events.RecordsAffected;
    }

    private static StoredEvent Read(NpgsqlDataReader reader) => new(
        reader.GetInt64(0),
        reader.GetGuid(1),
        reader.GetString(2),
        reader.GetInt64(3),
        reader.GetString(4),
        reader.GetFieldValue<DateTimeOffset>(5),
        reader.GetFieldValue<byte[]>(6),
        reader.IsDBNull(7) ? null : reader.GetFieldValue<byte[]>(7));

    private static List<NewEvent> Distinct(IReadOnlyList<NewEvent> events)
    {
        var seen = new HashSet<Guid>(events.Count);
        var distinct = new List<NewEvent>(events.Count);
        foreach (var e in events)
        {
            if (seen.Add(e.Id))
            {
                distinct.Add(e);
            }
        }

        return distinct;
    }

    private static bool IsDuplicateEvent(PostgresException e) =>
        e.SqlState == PostgresErrorCodes.UniqueViolation && string.Equals(e.ConstraintName, "idx_mt_events_event_id", StringComparison.Ordinal);

    private static NpgsqlBatchCommand BatchCommand(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }

    private static NpgsqlParameter Ids(IReadOnlyList<NewEvent> events) => new() { Value = Array(events, e => e.Id) };

    private static NpgsqlParameter Types(IReadOnlyList<NewEvent> events) =>
        new() { Value = Array(events, e => e.Type), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Varchar };

    private static NpgsqlParameter Times(IReadOnlyList<NewEvent> events) => new() { Value = Array(events, e => e.At.ToUniversalTime()) };

    private static NpgsqlParameter Data(IReadOnlyList<NewEvent> events) => Json(events, e => e.Data);

    private static NpgsqlParameter Headers(IReadOnlyList<NewEvent> events) => Json(events, e => e.Headers);

    private static NpgsqlParameter Json(IReadOnlyList<NewEvent> events, Func<NewEvent, ReadOnlyMemory<byte>> of) => new()
    {
        Value = Array(events, e =>
        {
            if (of(e) is { IsEmpty: false } octets)
            {
                var json = octets.ToArray();
                Jsonb.ReplaceNul(json);
                return json;
            }

            return null;
        }),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb,
    };

    private static NpgsqlParameter Streams(IReadOnlyCollection<string> streamIds) =>
        new() { Value = streamIds.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Varchar };

    private static T[] Array<T>(IReadOnlyList<NewEvent> events, Func<NewEvent, T> of)
    {
        var array = new T[events.Count];
        for (var i = 0; i < array.Length; i++)
        {
            array[i] = of(events[i]);
        }

        return array;
    }

    // Through the gate alone: every append before has committed then.
    private NpgsqlBatchCommand Passage() =>
        BatchCommand("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", new NpgsqlParameter { Value = GateKey });

    private NpgsqlBatchCommand Gate() => BatchCommand(_gate, new NpgsqlParameter { Value = GateKey });

    private NpgsqlBatchCommand AppendBatchCommand(List<NewEvent> events) => BatchCommand(
        _appendBatch,
        Ids(events),
        new NpgsqlParameter { Value = Array(events, e => e.StreamId), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Varchar },
        Data(events),
        Types(events),
        Times(events),
        Headers(events));
}
