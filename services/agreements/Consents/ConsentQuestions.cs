using System.Text.Json;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Contracts;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Agreements.Consents;

/// <summary>A question that a user was asked by mail.</summary>
/// <param name="TermsVersion">The terms that it is about.</param>
/// <param name="Text">Word for word; the page shows it, and the consent keeps it.</param>
public sealed record ConsentQuestion(Guid Id, AgreementId Agreement, int TermsVersion, string Text, DateTimeOffset ExpiresAt);

/// <summary>
/// The table <c>agreements.consent_questions</c>: what the links lead to, and the mail of each question, which is the same one however often
/// its sending begins anew.
/// </summary>
public sealed class ConsentQuestions(NpgsqlDataSource dataSource, ConsentTokens tokens, TimeProvider time)
{
    private const string Table = $"{AgreementsLedger.Schema}.consent_questions";

    /// <summary>How long a question is kept after its end. What was consented to stays in the history, with its text.</summary>
    private static readonly TimeSpan Retention = TimeSpan.FromDays(30);

    public static SchemaMigration[] Migrations { get; } =
    [
        new(AgreementsLedger.Schema, "consent-questions-1", $"""
            CREATE TABLE {Table} (
                id uuid PRIMARY KEY,
                agreement text NOT NULL,
                terms_version integer NOT NULL,
                text text NOT NULL,
                expires_at timestamptz NOT NULL,
                message jsonb NOT NULL,
                published_at timestamptz);
            CREATE INDEX consent_questions_expires_at ON {Table} (expires_at);
            """),
    ];

    /// <summary>Finds the question that a link leads to.</summary>
    /// <param name="token">The token of the link, from anybody.</param>
    /// <returns>Null when there is none, or none any more.</returns>
    public async ValueTask<ConsentQuestion?> FindAsync(string? token, CancellationToken cancellationToken) =>
        await tokens.ReadAsync(token, cancellationToken) is { } id ? (await FindAsync(id, cancellationToken))?.Question : null;

    /// <summary>A question, its mail, and whether that was handed over.</summary>
    internal async ValueTask<(ConsentQuestion Question, MessageAccepted Message, bool IsPublished)?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"SELECT agreement, terms_version, text, expires_at, message::text, published_at IS NOT NULL FROM {Table} WHERE id = $1");
        command.Parameters.Add(new() { Value = id });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) && AgreementId.TryParse(reader.GetString(0), out var agreement)
            ? (new(id, agreement, reader.GetInt32(1), reader.GetString(2), reader.GetFieldValue<DateTimeOffset>(3)),
                JsonSerializer.Deserialize<MessageAccepted>(reader.GetString(4))!,
                reader.GetBoolean(5))
            : null;
    }

    /// <summary>Keeps a question; false when it is kept already.</summary>
    internal async ValueTask<bool> TryAddAsync(ConsentQuestion question, MessageAccepted message, CancellationToken cancellationToken)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(message);
        Jsonb.ReplaceNul(json.AsSpan());
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(new($"DELETE FROM {Table} WHERE expires_at < $1") { Parameters = { new() { Value = time.GetUtcNow() - Retention } } });
        batch.BatchCommands.Add(new(
            $"INSERT INTO {Table} (id, agreement, terms_version, text, expires_at, message) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1")
        {
            Parameters =
            {
                new() { Value = question.Id },
                new() { Value = question.Agreement.ToString() },
                new() { Value = question.TermsVersion },
                new() { Value = question.Text },
                new() { Value = question.ExpiresAt.ToUniversalTime() },
                new() { Value = json, NpgsqlDbType = NpgsqlDbType.Jsonb },
            },
        });
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken);
    }

    internal async ValueTask MarkPublishedAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand($"UPDATE {Table} SET published_at = $2 WHERE id = $1");
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = time.GetUtcNow() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
