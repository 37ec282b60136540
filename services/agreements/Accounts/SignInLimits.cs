using System.Net;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Organizations;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Agreements.Accounts;

/// <summary>
/// Counts wrong passwords by account and by client network, in the database that all replicas share. Every attempt counts before the
/// password is looked at, so that many at once get no further than one after the other; a right password takes its count back.
/// </summary>
internal sealed class SignInLimits(NpgsqlDataSource database, IOptions<MailkeyOptions> options, TimeProvider time)
{
    private const string Table = $"{AgreementsLedger.Schema}.sign_in_attempts";

    private const string NotCounted = $"UPDATE {Table} SET attempts = attempts - 1 WHERE subject = $1 AND attempts > 0";

    private readonly AccountsOptions _options = options.Value.Agreements.Accounts;

    public static SchemaMigration[] Migrations() =>
    [
        // No names: who mistypes writes a password where the name belongs.
        new(AgreementsLedger.Schema, "accounts-1", $"""
            CREATE TABLE {Table} (
                subject bytea PRIMARY KEY,
                attempts integer NOT NULL,
                ends_at timestamptz NOT NULL);
            CREATE INDEX ON {Table} (ends_at);
            """),
    ];

    /// <summary>Counts an attempt.</summary>
    /// <returns>Null when it may be made; else the time until the lock ends.</returns>
    public async Task<TimeSpan?> TakeAsync(string name, IPAddress client, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (account, network) = (ByAccount(name), ByNetwork(client));

        // In the order of their keys, so that two attempts never wait for each other. A lock is not prolonged by those who try meanwhile.
        await using var command = database.CreateCommand(
            $"""
            INSERT INTO {Table} AS t (subject, attempts, ends_at)
            SELECT s, 1, $2 FROM unnest($3) s ORDER BY s
            ON CONFLICT (subject) DO UPDATE SET
                attempts = CASE WHEN t.ends_at <= $1 THEN 1 ELSE least(t.attempts + 1, 2000000000) END,
                ends_at = CASE WHEN t.ends_at <= $1 THEN excluded.ends_at ELSE t.ends_at END
            RETURNING subject, attempts, ends_at
            """);
        command.Parameters.Add(new() { Value = now });
        command.Parameters.Add(new() { Value = now + _options.FailureWindow });
        command.Parameters.Add(new() { Value = new[] { account, network }, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea });
        DateTimeOffset? until = null;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var limit = reader.GetFieldValue<byte[]>(0).AsSpan().SequenceEqual(account) ? _options.FailuresPerAccount : _options.FailuresPerNetwork;
            var ends = reader.GetFieldValue<DateTimeOffset>(2);
            if (reader.GetInt32(1) > limit && !(ends <= until))
            {
                until = ends;
            }
        }

        return until - now;
    }

    /// <summary>The password was right: the account is its owner's again, and the attempt does not count for the network.</summary>
    public async Task GiveBackAsync(string name, IPAddress client, CancellationToken cancellationToken)
    {
        // One row in each transaction, so that nobody waits for a row while holding another.
        await ExecuteAsync($"DELETE FROM {Table} WHERE subject = $1", ByAccount(name), cancellationToken);
        await ExecuteAsync(NotCounted, ByNetwork(client), cancellationToken);
    }

    /// <summary>Nobody could say whether the password was right: the attempt does not count.</summary>
    public async Task ForgetAsync(string name, IPAddress client, CancellationToken cancellationToken)
    {
        await ExecuteAsync(NotCounted, ByAccount(name), cancellationToken);
        await ExecuteAsync(NotCounted, ByNetwork(client), cancellationToken);
    }

    /// <summary>Removes what is over.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"DELETE FROM {Table} WHERE subject IN (SELECT subject FROM {Table} WHERE ends_at <= $1 ORDER BY ends_at LIMIT 1000 FOR UPDATE SKIP LOCKED)");
        command.Parameters.Add(new() { Value = time.GetUtcNow() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static byte[] ByAccount(string name) => SHA256.HashData(Encoding.UTF8.GetBytes($"account {name}"));

    private static byte[] ByNetwork(IPAddress client) => SHA256.HashData(Encoding.UTF8.GetBytes($"network {NetworkPrefix.Of(client)}"));

    private async Task ExecuteAsync(string statement, byte[] subject, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(statement);
        command.Parameters.Add(new() { Value = subject });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
