using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Journal.Search;

/// <summary>The table <c>messages</c>, by which an operator finds a message: one line each, written together with the events.</summary>
internal sealed class MessagesTable(string schema)
{
    /// <summary>Separates addresses on their way into the database, where an array of arrays would be taken apart. No address has it.</summary>
    private const char Separator = '\n';

    /// <summary>Characters of a Message-ID that can be searched for.</summary>
    private const int MaxMessageId = 600;

    private readonly string _upsert = $"""
        INSERT INTO {schema}.messages AS known (queue_id, received_at, last_at, state, message_id, reverse_path, addresses)
        SELECT m.queue_id, m.received_at, m.last_at, m.state, m.message_id, m.reverse_path, string_to_array(m.addresses, E'\n')
        FROM unnest($1, $2, $3, $4, $5, $6, $7) AS m (queue_id, received_at, last_at, state, message_id, reverse_path, addresses)
        ON CONFLICT (queue_id) DO UPDATE SET
            received_at = least(known.received_at, excluded.received_at),
            last_at = greatest(known.last_at, excluded.last_at),
            state = CASE WHEN excluded.last_at >= known.last_at THEN excluded.state ELSE known.state END,
            message_id = coalesce(known.message_id, excluded.message_id),
            reverse_path = coalesce(known.reverse_path, excluded.reverse_path),
            addresses = coalesce(known.addresses, excluded.addresses)
        """;

    private readonly string _expired = $"SELECT queue_id FROM {schema}.messages WHERE received_at < $1 ORDER BY received_at LIMIT $2";

    private readonly string _delete = $"DELETE FROM {schema}.messages WHERE queue_id = ANY($1)";

    /// <summary>The steps that make the table. Room is left in the pages so that a change of state stays off the indexes.</summary>
    public static SchemaMigration[] Migrations(string schema) =>
    [
        new(schema, "messages-1", $"""
            CREATE TABLE {SqlIdentifier.Require(schema)}.messages (
                queue_id varchar PRIMARY KEY,
                received_at timestamptz NOT NULL,
                last_at timestamptz NOT NULL,
                state text NOT NULL,
                message_id text,
                reverse_path text,
                addresses text[])
            WITH (fillfactor = 75);
            CREATE INDEX messages_received_at ON {schema}.messages (received_at);
            CREATE INDEX messages_message_id ON {schema}.messages (message_id) WHERE message_id IS NOT NULL;
            CREATE INDEX messages_addresses ON {schema}.messages USING gin (addresses);
            """),
    ];

    /// <summary>The statement that brings the lines up to date; repeatable. A queue id may be there only once.</summary>
    public NpgsqlBatchCommand Upsert(IReadOnlyCollection<MessageRow> rows)
    {
        // In one order for all: two batches that share messages never wait for each other both at once.
        var ordered = rows.OrderBy(row => row.QueueId, StringComparer.Ordinal).ToArray();
        return new(_upsert)
        {
            Parameters =
            {
                Text(ordered, row => row.QueueId),
                new() { Value = Array.ConvertAll(ordered, row => row.ReceivedAt.ToUniversalTime()) },
                new() { Value = Array.ConvertAll(ordered, row => row.LastAt.ToUniversalTime()) },
                Text(ordered, row => row.State),
                Text(ordered, row => Bounded(row.MessageId)),
                Text(ordered, row => row.ReversePath),
                Text(ordered, row => row.Addresses is null ? null : string.Join(Separator, row.Addresses)),
            },
        };
    }

    /// <summary>The oldest messages received before a time.</summary>
    public async Task<IReadOnlyList<string>> ExpiredAsync(
        NpgsqlDataSource dataSource, DateTimeOffset before, int atMost, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(_expired);
        command.Parameters.Add(new() { Value = before.ToUniversalTime() });
        command.Parameters.Add(new() { Value = atMost });
        List<string> expired = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            expired.Add(reader.GetString(0));
        }

        return expired;
    }

    public async Task DeleteAsync(NpgsqlDataSource dataSource, IReadOnlyList<string> queueIds, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(_delete);
        command.Parameters.Add(new() { Value = queueIds.ToArray() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlParameter Text(MessageRow[] rows, Func<MessageRow, string?> of) => new()
    {
        Value = Array.ConvertAll(rows, row => of(row) is { } text ? Jsonb.ReplaceNul(text) : null),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
    };

    // RFC 5322 §2.1.1 keeps a line at 998 characters; an index entry must stay below a third of a page. Not cut inside of a
    // character: half of one is no UTF-8, and would take its whole batch to the error queue.
    private static string? Bounded(string? messageId) => messageId is { Length: > MaxMessageId }
        ? messageId[..(char.IsHighSurrogate(messageId[MaxMessageId - 1]) ? MaxMessageId - 1 : MaxMessageId)]
        : messageId;
}
