using System.Text.Json;
using System.Text.Json.Serialization;
using Mailkey.Hosting.Postgres;
using Mailkey.Messaging.Scheduling;
using MassTransit;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Messaging.Sagas;

/// <summary>
/// The table of one saga type. A message costs two statements, one that reads and one that writes the saga and its timers;
/// no connection and no lock is held in between, while the state machine does its work. Two messages for one instance
/// at the same time are told apart by the version: the later one fails and is tried again.
/// </summary>
public sealed class PostgresSagaStore<TSaga>
    where TSaga : class, IStoredSaga
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };

    private readonly NpgsqlDataSource _dataSource;
    private readonly WakeSignal _signal;
    private readonly string _load;
    private readonly string _insert;
    private readonly string _update;
    private readonly string _delete;

    public PostgresSagaStore(NpgsqlDataSource dataSource, WakeSignal signal, string schema)
    {
        _dataSource = dataSource;
        _signal = signal;
        Table = SagaTable.Name(schema, typeof(TSaga));

        // The timers hang on the row of the saga: when that is not written, neither are they.
        var timers = $"""
            , cancelled AS (DELETE FROM {schema}.timers USING saved WHERE token = ANY($5))
            , started AS (
                INSERT INTO {schema}.timers (token, due_at, destination, envelope)
                SELECT timer.* FROM saved, unnest($6, $7, $8, $9) AS timer
                ON CONFLICT (token) DO UPDATE SET due_at = excluded.due_at, destination = excluded.destination, envelope = excluded.envelope)
            SELECT count(*) FROM saved
            """;
        _load = $"SELECT state::text, version FROM {Table} WHERE correlation_id = $1";
        _insert = $"""
            WITH saved AS (
                INSERT INTO {Table} (correlation_id, version, current_state, state) VALUES ($1, $2, $3, $4)
                ON CONFLICT (correlation_id) DO NOTHING RETURNING 1)
            {timers}
            """;
        _update = $"""
            WITH saved AS (
                UPDATE {Table} SET version = version + 1, current_state = $3, state = $4, updated_at = now()
                WHERE correlation_id = $1 AND version = $2 RETURNING 1)
            {timers}
            """;
        // $3 and $4 are named so that the three statements take the same parameters.
        _delete = $"""
            WITH saved AS (
                DELETE FROM {Table} WHERE correlation_id = $1 AND version = $2 AND ($3::text IS NULL OR $4::jsonb IS NOT NULL) RETURNING 1)
            {timers}
            """;
    }

    /// <summary>Name of the table with its schema.</summary>
    public string Table { get; }

    internal async Task<TSaga?> LoadAsync(Guid correlationId, CancellationToken cancellationToken)
    {
        await using var command = _dataSource.CreateCommand(_load);
        command.Parameters.Add(new() { Value = correlationId });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var saga = JsonSerializer.Deserialize<TSaga>(reader.GetString(0), Json)
            ?? throw new InvalidOperationException($"The state of {correlationId} in {Table} is null.");
        saga.Version = checked((int)reader.GetInt64(1));
        return saga;
    }

    /// <summary>Inserts a new instance; false when another message has inserted it meanwhile.</summary>
    internal Task<bool> TryInsertAsync(TSaga saga, SagaTimers timers, CancellationToken cancellationToken) =>
        WriteAsync(_insert, saga, timers, cancellationToken);

    /// <summary>Writes an instance back; false when it is not the one that was loaded any more.</summary>
    internal async Task<bool> TryUpdateAsync(TSaga saga, SagaTimers timers, CancellationToken cancellationToken)
    {
        var saved = await WriteAsync(_update, saga, timers, cancellationToken);
        saga.Version += saved ? 1 : 0;
        return saved;
    }

    /// <summary>Removes a finished instance; false when it is not the one that was loaded any more.</summary>
    internal Task<bool> TryDeleteAsync(TSaga saga, SagaTimers timers, CancellationToken cancellationToken) =>
        WriteAsync(_delete, saga, timers, cancellationToken);

    internal ConcurrencyException Conflict(TSaga saga) =>
        new($"Another message changed the saga in {Table} at the same time", typeof(TSaga), saga.CorrelationId);

    private async Task<bool> WriteAsync(string sql, TSaga saga, SagaTimers timers, CancellationToken cancellationToken)
    {
        var state = JsonSerializer.SerializeToUtf8Bytes(saga, Json);
        Jsonb.ReplaceNul(state.AsSpan());

        await using var command = _dataSource.CreateCommand(sql);
        var parameters = command.Parameters;
        parameters.Add(new() { Value = saga.CorrelationId });
        parameters.Add(new() { Value = (long)saga.Version });
        parameters.Add(new() { Value = (object?)saga.CurrentState ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        parameters.Add(new() { Value = state, NpgsqlDbType = NpgsqlDbType.Jsonb });
        parameters.Add(new() { Value = timers.Cancelled.ToArray() });
        parameters.Add(new() { Value = timers.Set.Select(timer => timer.Token).ToArray() });
        parameters.Add(new() { Value = timers.Set.Select(timer => timer.DueAt.ToUniversalTime()).ToArray() });
        parameters.Add(new() { Value = timers.Set.Select(timer => timer.Destination.ToString()).ToArray() });
        parameters.Add(new()
        {
            Value = timers.Set.Select(PostgresTimers.EnvelopeText).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb,
        });
        var saved = await command.ExecuteScalarAsync(cancellationToken) is 1L;
        if (saved && timers.Set.Count > 0)
        {
            _signal.Wake();
        }

        return saved;
    }
}
