using System.Runtime.CompilerServices;
using System.Text.Json;
using Mailkey.Messaging.Journal;
using Mailkey.Policy.Replay;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Tool.Policy;

/// <summary>Reads judged messages out of the journal, in the order of their times and a page at a time: there may be millions.</summary>
internal sealed class StoredMessages(NpgsqlDataSource database)
{
    private const int PageSize = 2000;

    // A transaction whose 250 was in doubt has both events; the verdict is the same.
    private const string Event = "SELECT type, timestamp, data FROM journal.mt_events WHERE stream_id = m.queue_id AND type IN ('accepted-for-delivery', 'transaction-refused') ORDER BY type LIMIT 1";

    /// <summary>Messages that were read and not given out, for want of a verdict.</summary>
    public long Unjudged { get; private set; }

    /// <summary>Messages whose event has another shape than this version knows.</summary>
    public long Unreadable { get; private set; }

    public async IAsyncEnumerable<ReplayedMessage> ReadAsync(DateTimeOffset since, DateTimeOffset? until, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // From key to key instead of one long query: the journal's clean-up does not wait for us, and nothing is held in memory.
        var (time, queueId) = (since.ToUniversalTime(), "");
        while (true)
        {
            await using var command = database.CreateCommand(
                $"""
                SELECT m.queue_id, m.received_at, e.type, e.timestamp, e.data
                FROM (
                    SELECT queue_id, received_at FROM journal.messages
                    WHERE received_at >= $1 AND (received_at, queue_id) > ($1, $2) AND ($3::timestamptz IS NULL OR received_at < $3)
                    ORDER BY received_at, queue_id LIMIT $4) AS m
                LEFT JOIN LATERAL ({Event}) AS e ON true
                ORDER BY m.received_at, m.queue_id
                """);
            command.Parameters.Add(new() { Value = time });
            command.Parameters.Add(new() { Value = queueId, NpgsqlDbType = NpgsqlDbType.Varchar });
            command.Parameters.Add(new() { Value = (object?)until?.ToUniversalTime() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
            command.Parameters.Add(new() { Value = PageSize });
            var count = 0;
            await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
            {
                while (await reader.ReadAsync(cancellationToken))
                {
                    count++;
                    queueId = reader.GetString(0);
                    time = reader.GetFieldValue<DateTimeOffset>(1);
                    if (await reader.IsDBNullAsync(2, cancellationToken))
                    {
                        Unjudged++;
                    }
                    else if (Read(queueId, reader) is { } message)
                    {
                        yield return message;
                    }
                }
            }

            if (count < PageSize)
            {
                yield break;
            }
        }
    }

    /// <summary>One message; null when there is none with this queue id, or no verifier has judged it.</summary>
    public async Task<ReplayedMessage?> FindAsync(string queueId, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"SELECT m.queue_id, m.received_at, e.type, e.timestamp, e.data FROM journal.messages AS m JOIN LATERAL ({Event}) AS e ON true WHERE m.queue_id = $1");
        command.Parameters.Add(new() { Value = queueId, NpgsqlDbType = NpgsqlDbType.Varchar });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? Read(queueId, reader) : null;
    }

    private ReplayedMessage? Read(string queueId, NpgsqlDataReader reader)
    {
        try
        {
            var data = reader.GetFieldValue<byte[]>(4);
            var message = reader.GetString(2) == "accepted-for-delivery"
                ? JsonSerializer.Deserialize(data, JournalJson.Default.AcceptedForDelivery) is { } accepted ? ReplayedMessage.From(queueId, accepted) : null
                : JsonSerializer.Deserialize(data, JournalJson.Default.TransactionRefused) is { } refused ? ReplayedMessage.From(queueId, refused, reader.GetFieldValue<DateTimeOffset>(3)) : null;
            Unjudged += message is null ? 1 : 0;
            return message;
        }
        catch (JsonException)
        {
            Unreadable++;
            return null;
        }
    }
}
