using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Hosting.Postgres;

/// <summary>Brings the schemas of a service up to date. Replicas may run it at the same time.</summary>
public sealed class SchemaMigrator(NpgsqlDataSource dataSource, ILogger<SchemaMigrator> logger)
{
    /// <summary>
    /// Applies the steps that the database has not seen, each schema in one transaction: either all of them or none.
    /// </summary>
    /// <exception cref="InvalidOperationException">A step that was applied earlier has another text now.</exception>
    /// <exception cref="NpgsqlException">The database cannot be reached, or refuses a step.</exception>
    public async Task ApplyAsync(IEnumerable<SchemaMigration> migrations, CancellationToken cancellationToken)
    {
        foreach (var schema in migrations.GroupBy(migration => migration.Schema, StringComparer.Ordinal))
        {
            await ApplySchemaAsync(SqlIdentifier.Require(schema.Key), [.. schema], cancellationToken);
        }
    }

    private async Task ApplySchemaAsync(string schema, IReadOnlyList<SchemaMigration> migrations, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // Held to the end of the transaction: a second replica waits here, then finds nothing left to do.
        await using (var enter = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", connection, transaction))
        {
            enter.Parameters.Add(new() { Value = $"mailkey.migrations.{schema}" });
            await enter.ExecuteNonQueryAsync(cancellationToken);
        }

        var applied = await AppliedAsync(schema, connection, transaction, cancellationToken);
        foreach (var migration in migrations)
        {
            var hash = SHA256.HashData(Encoding.UTF8.GetBytes(migration.Sql));
            if (applied.TryGetValue(migration.Name, out var before))
            {
                if (!hash.AsSpan().SequenceEqual(before))
                {
                    throw new InvalidOperationException(
                        $"Migration \"{migration.Name}\" of schema \"{schema}\" was applied with another text. Add a new step instead of changing one.");
                }

                continue;
            }

            await using (var step = new NpgsqlCommand(migration.Sql, connection, transaction))
            {
                await step.ExecuteNonQueryAsync(cancellationToken);
            }

            await using var record = new NpgsqlCommand(
                $"INSERT INTO {schema}.migrations (name, sha256) VALUES ($1, $2)", connection, transaction);
            record.Parameters.Add(new() { Value = migration.Name });
            record.Parameters.Add(new() { Value = hash });
            await record.ExecuteNonQueryAsync(cancellationToken);
            applied.Add(migration.Name, hash);
            logger.LogInformation("Applied migration {Migration} to schema {Schema}", migration.Name, schema);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task<Dictionary<string, byte[]>> AppliedAsync(
        string schema, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    {
        // Asked first because CREATE SCHEMA IF NOT EXISTS wants the right to create even when there is nothing to create.
        await using (var exists = new NpgsqlCommand("SELECT to_regnamespace($1) IS NOT NULL", connection, transaction))
        {
            exists.Parameters.Add(new() { Value = schema, NpgsqlDbType = NpgsqlDbType.Text });
            if (await exists.ExecuteScalarAsync(cancellationToken) is not true)
            {
                await using var create = new NpgsqlCommand($"CREATE SCHEMA {schema}", connection, transaction);
                await create.ExecuteNonQueryAsync(cancellationToken);
            }
        }

        await using (var create = new NpgsqlCommand(
            $"""
            CREATE TABLE IF NOT EXISTS {schema}.migrations (
                name text PRIMARY KEY,
                sha256 bytea NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now())
            """,
            connection,
            transaction))
        {
            await create.ExecuteNonQueryAsync(cancellationToken);
        }

        var applied = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        await using var list = new NpgsqlCommand($"SELECT name, sha256 FROM {schema}.migrations", connection, transaction);
        await using var reader = await list.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            applied.Add(reader.GetString(0), reader.GetFieldValue<byte[]>(1));
        }

        return applied;
    }
}
