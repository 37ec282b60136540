using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Agreements.Accounts;
using Mailkey.Agreements.Ledger;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Agreements.Portal.Sessions;

/// <summary>
/// Who is signed in, in a table that all replicas share. The browser has a secret, the table its hash: who reads the table is nobody. A
/// session ends when it is signed out, idle or old, and when its account is gone or has another password.
/// </summary>
internal sealed class PortalSessions(NpgsqlDataSource database, IAccounts accounts, IOptions<MailkeyOptions> options, TimeProvider time)
{
    /// <summary>Characters of a secret: 256 bits in base64url.</summary>
    private const int SecretLength = 43;

    private const int SecretOctets = 32;
    private const string Table = $"{AgreementsLedger.Schema}.portal_sessions";

    // A session is written to once in a while, not at each request.
    private static readonly TimeSpan Grain = TimeSpan.FromMinutes(1);

    private readonly PortalOptions _options = options.Value.Agreements.Portal;

    public static SchemaMigration[] Migrations() =>
    [
        new(AgreementsLedger.Schema, "portal-1", $"""
            CREATE TABLE {Table} (
                key bytea PRIMARY KEY,
                account text NOT NULL,
                stamp text NOT NULL,
                began_at timestamptz NOT NULL,
                seen_at timestamptz NOT NULL);
            CREATE INDEX ON {Table} (seen_at);
            """),
    ];

    /// <summary>A secret for a cookie.</summary>
    public static string NewSecret() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretOctets));

    /// <summary>Begins a session; the secret is for the browser alone.</summary>
    public async Task<string> BeginAsync(Account account, CancellationToken cancellationToken)
    {
        var secret = NewSecret();
        var now = time.GetUtcNow();
        await using (var command = database.CreateCommand($"INSERT INTO {Table} (key, account, stamp, began_at, seen_at) VALUES ($1, $2, $3, $4, $4)"))
        {
            command.Parameters.Add(new() { Value = KeyOf(secret) });
            command.Parameters.Add(new() { Value = account.Address });
            command.Parameters.Add(new() { Value = account.Stamp });
            command.Parameters.Add(new() { Value = now });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        await using var sweep = database.CreateCommand(
            $"DELETE FROM {Table} WHERE key IN (SELECT key FROM {Table} WHERE seen_at <= $1 OR began_at <= $2 ORDER BY seen_at LIMIT 1000 FOR UPDATE SKIP LOCKED)");
        sweep.Parameters.Add(new() { Value = now - _options.SessionIdle });
        sweep.Parameters.Add(new() { Value = now - _options.SessionLifetime });
        await sweep.ExecuteNonQueryAsync(cancellationToken);
        return secret;
    }

    /// <summary>Whose session it is; null when it is over.</summary>
    public async Task<Account?> FindAsync(string? secret, CancellationToken cancellationToken)
    {
        if (!IsSecret(secret))
        {
            return null;
        }

        var now = time.GetUtcNow();
        var key = KeyOf(secret!);
        string address, stamp;
        DateTimeOffset seen;
        await using (var command = database.CreateCommand($"SELECT account, stamp, seen_at FROM {Table} WHERE key = $1 AND seen_at > $2 AND began_at > $3"))
        {
            command.Parameters.Add(new() { Value = key });
            command.Parameters.Add(new() { Value = now - _options.SessionIdle });
            command.Parameters.Add(new() { Value = now - _options.SessionLifetime });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            if (!await reader.ReadAsync(cancellationToken))
            {
                return null;
            }

            (address, stamp, seen) = (reader.GetString(0), reader.GetString(1), reader.GetFieldValue<DateTimeOffset>(2));
        }

        if (await accounts.FindAsync(address, stamp, cancellationToken) is not { } account)
        {
            await EndAsync(secret, cancellationToken);
            return null;
        }

        if (now - seen >= Grain || now - seen >= _options.SessionIdle / 10)
        {
            await using var command = database.CreateCommand($"UPDATE {Table} SET seen_at = $2 WHERE key = $1");
            command.Parameters.Add(new() { Value = key });
            command.Parameters.Add(new() { Value = now });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        return account;
    }

    /// <summary>Ends a session, on every replica.</summary>
    public async Task EndAsync(string? secret, CancellationToken cancellationToken)
    {
        if (IsSecret(secret))
        {
            await using var command = database.CreateCommand($"DELETE FROM {Table} WHERE key = $1");
            command.Parameters.Add(new() { Value = KeyOf(secret!) });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Whether a text can be a secret at all.</summary>
    public static bool IsSecret(string? text) => text is { Length: SecretLength } && Base64Url.IsValid(text);

    private static byte[] KeyOf(string secret) => SHA256.HashData(Encoding.ASCII.GetBytes(secret));
}
