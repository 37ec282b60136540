using System.Text.Json;
using Mailkey.Contracts;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Bounces.Reporting;

/// <summary>A notification whose content is on stable storage.</summary>
/// <param name="Message">What is published, octet for octet the same each time.</param>
/// <param name="Advisory">Name of the note it carries.</param>
/// <param name="IsPublished">Whether its publication was confirmed and journalled.</param>
public sealed record StoredReport(MessageAccepted Message, string Advisory, bool IsPublished);

/// <summary>
/// The table <c>bounces.reports_sent</c>. A row is written between storing the content and publishing, so that an order that
/// comes twice, or half-done from a process that died, publishes the same message again instead of making another one.
/// </summary>
public sealed class SentReports(NpgsqlDataSource dataSource, TimeProvider time)
{
    public const string Schema = "bounces";

    /// <summary>How long an order is remembered: longer than any queue keeps a message that comes twice.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(30);

    public static readonly SchemaMigration Migration = new(Schema, "reports-sent-1", """
        CREATE TABLE bounces.reports_sent (
            order_id uuid PRIMARY KEY,
            queue_id text NOT NULL,
            message jsonb NOT NULL,
            advisory text NOT NULL,
            stored_at timestamptz NOT NULL,
            published_at timestamptz);
        CREATE INDEX reports_sent_stored_at ON bounces.reports_sent (stored_at);
        """);

    public async ValueTask<StoredReport?> FindAsync(Guid orderId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT message::text, advisory, published_at IS NOT NULL FROM bounces.reports_sent WHERE order_id = $1");
        command.Parameters.Add(new() { Value = orderId });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var message = JsonSerializer.Deserialize<MessageAccepted>(reader.GetString(0))
            ?? throw new InvalidOperationException($"The message of report {orderId} is null.");
        return new(message, reader.GetString(1), reader.GetBoolean(2));
    }

    /// <summary>Remembers a report; false when the same order was remembered meanwhile.</summary>
    public async ValueTask<bool> TryAddAsync(Guid orderId, MessageAccepted message, string advisory, CancellationToken cancellationToken)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(message);
        Jsonb.ReplaceNul(json.AsSpan());
        await using var command = dataSource.CreateCommand(
            """
            INSERT INTO bounces.reports_sent (order_id, queue_id, message, advisory, stored_at)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (order_id) DO NOTHING
            """);
        command.Parameters.Add(new() { Value = orderId });
        command.Parameters.Add(new() { Value = message.QueueId });
        command.Parameters.Add(new() { Value = json, NpgsqlDbType = NpgsqlDbType.Jsonb });
        command.Parameters.Add(new() { Value = advisory });
        command.Parameters.Add(new() { Value = time.GetUtcNow() });
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    public async ValueTask MarkPublishedAsync(Guid orderId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("UPDATE bounces.reports_sent SET published_at = $2 WHERE order_id = $1");
        command.Parameters.Add(new() { Value = orderId });
        command.Parameters.Add(new() { Value = time.GetUtcNow() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Forgets what is older than <see cref="Retention"/>; gives the number of rows.</summary>
    public async ValueTask<int> ForgetAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("DELETE FROM bounces.reports_sent WHERE stored_at < $1");
        command.Parameters.Add(new() { Value = time.GetUtcNow() - Retention });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
