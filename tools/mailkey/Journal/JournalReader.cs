using Mailkey.Ledger;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Tool.Journal;

/// <summary>Finds messages in the schema of the journal.</summary>
internal sealed class JournalReader(NpgsqlDataSource dataSource)
{
    private const string Schema = "journal";

    private readonly PostgresEventStore _store = new(dataSource, Schema);

    /// <summary>The messages that a queue id, a Message-ID or an address names, the latest first.</summary>
    /// <param name="what">Null for every message of the time.</param>
    /// <param name="since">Received at this time or later; null from the beginning.</param>
    /// <param name="until">Received before this time; null to the end.</param>
    /// <param name="atMost">Lines at most.</param>
    public async Task<IReadOnlyList<FoundMessage>> FindAsync(
        string? what, DateTimeOffset? since, DateTimeOffset? until, int atMost, CancellationToken cancellationToken)
    {
        // Three searches, since each has its own index.
        const string columns = "SELECT queue_id, received_at, last_at, state, message_id, reverse_path, addresses";
        const string time = "($2::timestamptz IS NULL OR received_at >= $2) AND ($3::timestamptz IS NULL OR received_at < $3)";
        await using var command = dataSource.CreateCommand(what is null
            ? $"{columns} FROM {Schema}.messages WHERE $1::text IS NULL AND {time} ORDER BY received_at DESC LIMIT $4"
            : $"""
              {columns} FROM (
                  {columns} FROM {Schema}.messages WHERE queue_id = $1
                  UNION {columns} FROM {Schema}.messages WHERE message_id IN ($1, '<' || $1 || '>')
                  UNION {columns} FROM {Schema}.messages WHERE addresses @> ARRAY[lower($1)]) AS found
              WHERE {time} ORDER BY received_at DESC LIMIT $4
              """);
        command.Parameters.Add(new() { Value = (object?)what ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = (object?)since?.ToUniversalTime() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = (object?)until?.ToUniversalTime() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = atMost });
        List<FoundMessage> found = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            found.Add(new(
                reader.GetString(0),
                reader.GetFieldValue<DateTimeOffset>(1),
                reader.GetFieldValue<DateTimeOffset>(2),
                reader.GetString(3),
                reader.IsDBNull(4) ? null : reader.GetString(4),
                reader.IsDBNull(5) ? null : reader.GetString(5),
                reader.IsDBNull(6) ? [] : reader.GetFieldValue<string[]>(6)));
        }

        return found;
    }

    /// <summary>The events of a message in the order in which they happened; they may have been stored in another.</summary>
    public async Task<IReadOnlyList<StoredEvent>> EventsAsync(string queueId, CancellationToken cancellationToken)
    {
        List<StoredEvent> events = [];
        await foreach (var e in _store.ReadStreamAsync(queueId, 0, null, cancellationToken))
        {
            events.Add(e);
        }

        return [.. events.OrderBy(e => e.At).ThenBy(e => e.Version)];
    }
}
