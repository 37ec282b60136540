using System.Security.Cryptography;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Agreements.Api;

/// <summary>What is known about a request with an Idempotency-Key.</summary>
/// <param name="Answer">Not null when it has been answered.</param>
public sealed record KnownRequest(RequestState State, KeptAnswer? Answer);

/// <summary>How far a request with an Idempotency-Key is.</summary>
public enum RequestState
{
    /// <summary>It is this one's to answer.</summary>
    Begun,

    /// <summary>Somebody else is at it.</summary>
    InProgress,

    /// <summary>It was another request.</summary>
    Different,

    /// <summary>It was answered.</summary>
    Answered,
}

/// <summary>An answer that was given.</summary>
public sealed record KeptAnswer(int Status, string? Location, byte[] Body);

/// <summary>What the replicas of the API remember together: the nonces of signatures, and the answers to requests that may come again.</summary>
public sealed class ApiStore(NpgsqlDataSource dataSource, TimeProvider time)
{
    private const string Schema = Ledger.AgreementsLedger.Schema;

    /// <summary>Whoever began a request and did not come to its end, is not waited for longer.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    public static SchemaMigration[] Migrations(string schema) =>
    [
        new(schema, "api-1", $"""
            CREATE TABLE {SqlIdentifier.Require(schema)}.api_nonces (
                digest bytea PRIMARY KEY,
                expires_at timestamptz NOT NULL);
            CREATE INDEX ON {schema}.api_nonces (expires_at);
            CREATE TABLE {schema}.api_requests (
                caller text NOT NULL,
                key text NOT NULL,
                fingerprint bytea NOT NULL,
                leased_until timestamptz NOT NULL,
                expires_at timestamptz NOT NULL,
                status integer,
                location text,
                body bytea,
                PRIMARY KEY (caller, key));
            CREATE INDEX ON {schema}.api_requests (expires_at);
            """),
    ];

    /// <summary>Uses a nonce; false when it was used before.</summary>
    /// <param name="domain">Whose it is: another's nonces are others.</param>
    /// <param name="until">When no signature with it counts any more.</param>
    public async Task<bool> UseNonceAsync(string domain, string nonce, DateTimeOffset until, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand($"INSERT INTO {Schema}.api_nonces (digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        command.Parameters.Add(new() { Value = SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{domain}\n{nonce}")) });
        command.Parameters.Add(new() { Value = until.ToUniversalTime() });
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    /// <summary>Begins a request, or finds what became of it.</summary>
    /// <param name="fingerprint">Of method, address and body.</param>
    public async Task<KnownRequest> BeginAsync(string caller, string key, byte[] fingerprint, TimeSpan age, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var command = dataSource.CreateCommand(
            $"""
            WITH mine AS (
                INSERT INTO {Schema}.api_requests AS known (caller, key, fingerprint, leased_until, expires_at)
                VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (caller, key) DO UPDATE SET fingerprint = excluded.fingerprint, leased_until = excluded.leased_until, expires_at = excluded.expires_at,
                    status = NULL, location = NULL, body = NULL
                WHERE known.expires_at <= $6 OR (known.status IS NULL AND known.leased_until <= $6 AND known.fingerprint = excluded.fingerprint)
                RETURNING 1)
            SELECT EXISTS (SELECT FROM mine), known.fingerprint, known.status, known.location, known.body
            FROM (SELECT 1) AS one LEFT JOIN {Schema}.api_requests AS known ON known.caller = $1 AND known.key = $2
            """);
        command.Parameters.Add(new() { Value = caller });
        command.Parameters.Add(new() { Value = key });
        command.Parameters.Add(new() { Value = fingerprint });
        command.Parameters.Add(new() { Value = now + Lease });
        command.Parameters.Add(new() { Value = now + age });
        command.Parameters.Add(new() { Value = now });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        if (reader.GetBoolean(0))
        {
            return new(RequestState.Begun, null);
        }

        // Not mine and not visible: another one's row is being written at this moment.
        if (reader.IsDBNull(1))
        {
            return new(RequestState.InProgress, null);
        }

        return !reader.GetFieldValue<byte[]>(1).AsSpan().SequenceEqual(fingerprint) ? new(RequestState.Different, null)
            : reader.IsDBNull(2) ? new(RequestState.InProgress, null)
            : new(RequestState.Answered, new(reader.GetInt32(2), reader.IsDBNull(3) ? null : reader.GetString(3), reader.GetFieldValue<byte[]>(4)));
    }

    /// <summary>Keeps the answer to a request that was begun; without one, the request may be made again.</summary>
    public async Task EndAsync(string caller, string key, byte[] fingerprint, KeptAnswer? answer, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(answer is null
            ? $"DELETE FROM {Schema}.api_requests WHERE caller = $1 AND key = $2 AND fingerprint = $3 AND status IS NULL"
            : $"UPDATE {Schema}.api_requests SET status = $4, location = $5, body = $6 WHERE caller = $1 AND key = $2 AND fingerprint = $3");
        command.Parameters.Add(new() { Value = caller });
        command.Parameters.Add(new() { Value = key });
        command.Parameters.Add(new() { Value = fingerprint });
        if (answer is not null)
        {
            command.Parameters.Add(new() { Value = answer.Status });
            command.Parameters.Add(new() { Value = (object?)answer.Location ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
            command.Parameters.Add(new() { Value = answer.Body });
        }

        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Forgets what is over.</summary>
    public async Task<int> ForgetAsync(CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();
        foreach (var table in (string[])["api_nonces", "api_requests"])
        {
            batch.BatchCommands.Add(new($"DELETE FROM {Schema}.{table} WHERE expires_at <= $1") { Parameters = { new() { Value = time.GetUtcNow() } } });
        }

        return await batch.ExecuteNonQueryAsync(cancellationToken);
    }
}
