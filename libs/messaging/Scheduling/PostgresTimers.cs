using System.Text;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Messaging.Scheduling;

/// <summary>The table <c>timers</c> in the schema of a service, shared by its replicas.</summary>
public sealed class PostgresTimers(NpgsqlDataSource dataSource, string schema, WakeSignal signal) : ITimers
{
    private readonly string _table = $"{SqlIdentifier.Require(schema)}.timers";

    /// <summary>The schema that holds the table.</summary>
    public string Schema { get; } = schema;

    /// <summary>The steps that make the table.</summary>
    public static SchemaMigration[] Migrations(string schema) =>
    [
        new(schema, "timers-1", $"""
            CREATE TABLE {SqlIdentifier.Require(schema)}.timers (
                token uuid PRIMARY KEY,
                due_at timestamptz NOT NULL,
                destination text NOT NULL,
                envelope jsonb NOT NULL);
            CREATE INDEX timers_due_at ON {schema}.timers (due_at);
            """),
    ];

    public async Task SetAsync(TimedMessage message, CancellationToken cancellationToken)
    {
        // A timer with a token that the message itself names replaces the one before it.
        await using var command = dataSource.CreateCommand(
            $"""
            INSERT INTO {_table} (token, due_at, destination, envelope) VALUES ($1, $2, $3, $4)
            ON CONFLICT (token) DO UPDATE SET due_at = excluded.due_at, destination = excluded.destination, envelope = excluded.envelope
            """);
        command.Parameters.Add(new() { Value = message.Token });
        command.Parameters.Add(new() { Value = message.DueAt.ToUniversalTime() });
        command.Parameters.Add(new() { Value = message.Destination.ToString() });
        command.Parameters.Add(new() { Value = EnvelopeText(message), NpgsqlDbType = NpgsqlDbType.Jsonb });
        await command.ExecuteNonQueryAsync(cancellationToken);
        signal.Wake();
    }

    public async Task CancelAsync(Guid token, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand($"DELETE FROM {_table} WHERE token = $1");
        command.Parameters.Add(new() { Value = token });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Takes timers that are due and hands them to <paramref name="send"/>. They stay locked meanwhile, so that no other replica
    /// sends them, and are removed after it; when the process dies before that, they are sent again.
    /// </summary>
    /// <param name="now">Timers up to this time are due.</param>
    /// <param name="atMost">How many to take.</param>
    /// <param name="retryAt">When to try again those that could not be sent.</param>
    /// <param name="send">Returns the tokens of the messages that the broker has confirmed.</param>
    /// <returns>How many were taken, sent or not.</returns>
    public async Task<int> DispatchDueAsync(
        DateTimeOffset now,
        int atMost,
        DateTimeOffset retryAt,
        Func<IReadOnlyList<TimedMessage>, CancellationToken, Task<IReadOnlyCollection<Guid>>> send,
        CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        List<TimedMessage> due = [];
        await using (var select = new NpgsqlCommand(
            $"""
            SELECT token, due_at, destination, envelope::text FROM {_table}
            WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
            """,
            connection,
            transaction))
        {
            select.Parameters.Add(new() { Value = now.ToUniversalTime() });
            select.Parameters.Add(new() { Value = atMost });
            await using var reader = await select.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                due.Add(new TimedMessage(
                    reader.GetGuid(0),
                    reader.GetFieldValue<DateTimeOffset>(1),
                    new Uri(reader.GetString(2)),
                    Encoding.UTF8.GetBytes(reader.GetString(3))));
            }
        }

        if (due.Count == 0)
        {
            return 0;
        }

        var sent = await send(due, cancellationToken);

        // Not cancelled from here on: what was sent must not be sent again only because the service is stopping.
        await using var batch = new NpgsqlBatch(connection, transaction);
        batch.BatchCommands.Add(new($"DELETE FROM {_table} WHERE token = ANY($1)") { Parameters = { new() { Value = sent.ToArray() } } });
        if (sent.Count < due.Count)
        {
            var unsent = due.Select(timer => timer.Token).Except(sent).ToArray();
            batch.BatchCommands.Add(new($"UPDATE {_table} SET due_at = $2 WHERE token = ANY($1)")
            {
                Parameters = { new() { Value = unsent }, new() { Value = retryAt.ToUniversalTime() } },
            });
        }

        await batch.ExecuteNonQueryAsync(CancellationToken.None);
        await transaction.CommitAsync(CancellationToken.None);
        return due.Count;
    }

    /// <summary>When the next timer is due; null when there is none.</summary>
    public async Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand($"SELECT due_at FROM {_table} ORDER BY due_at LIMIT 1");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? reader.GetFieldValue<DateTimeOffset>(0) : null;
    }

    internal static string EnvelopeText(TimedMessage message)
    {
        Jsonb.ReplaceNul(message.Envelope.AsSpan());
        return Encoding.UTF8.GetString(message.Envelope);
    }
}
