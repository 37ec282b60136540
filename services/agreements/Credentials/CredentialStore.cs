using System.Security.Cryptography;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Hosting.Postgres;
using Npgsql;

namespace Mailkey.Agreements.Credentials;

/// <summary>A credential as it is shown once, to the forwarder alone.</summary>
/// <param name="Id">The name to log in with.</param>
/// <param name="Secret">The secret; it is nowhere kept.</param>
public sealed record IssuedCredential(string Id, string Secret);

/// <summary>
/// What forwarders log in with. Whether a credential is good stands in the ledger: here is only what a client has to prove, and a row that no
/// agreement names is worth nothing. So it is stored first, and then given to the agreement with <c>IssueCredential</c>.
/// </summary>
public sealed class CredentialStore(NpgsqlDataSource database, TimeProvider time)
{
    private const int IdLength = 20;

    /// <summary>Credentials that one agreement may have stored: one in use, one before it, and some that never became any.</summary>
    private const int MaxPerAgreement = 20;

    public static readonly SchemaMigration Migration = new(
        AgreementsLedger.Schema,
        "credentials-1",
        """
        CREATE TABLE agreements.credentials (
            id text PRIMARY KEY,
            agreement_id text NOT NULL,
            salt bytea NOT NULL,
            iterations integer NOT NULL,
            stored_key bytea NOT NULL,
            server_key bytea NOT NULL,
            created_at timestamptz NOT NULL);
        CREATE INDEX ON agreements.credentials (agreement_id, created_at);

        -- From it the answers for names that nobody has are made, in the same way by every replica, now and later.
        CREATE TABLE agreements.credential_decoys (secret bytea NOT NULL);
        INSERT INTO agreements.credential_decoys
        SELECT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
        """);

    /// <summary>Makes a credential for an agreement.</summary>
    /// <returns>What is shown once; it is good from the moment on that the agreement names its id.</returns>
    public async Task<IssuedCredential> IssueAsync(AgreementId agreement, CancellationToken cancellationToken)
    {
        var id = RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz234567", IdLength);
        var keys = ScramSecret.Mint(out var secret);
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(new(
            """
            INSERT INTO agreements.credentials (id, agreement_id, salt, iterations, stored_key, server_key, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
            """)
        {
            Parameters =
            {
                new() { Value = id },
                new() { Value = agreement.ToString() },
                new() { Value = keys.Salt },
                new() { Value = ScramSecret.Iterations },
                new() { Value = keys.StoredKey },
                new() { Value = keys.ServerKey },
                new() { Value = time.GetUtcNow() },
            },
        });

        // The oldest beyond are of earlier rotations, or were never used.
        batch.BatchCommands.Add(new(
            """
            DELETE FROM agreements.credentials WHERE id IN (
                SELECT id FROM agreements.credentials WHERE agreement_id = $1 ORDER BY created_at DESC, id OFFSET $2)
            """)
        {
            Parameters = { new() { Value = agreement.ToString() }, new() { Value = MaxPerAgreement } },
        });
        await batch.ExecuteNonQueryAsync(cancellationToken);
        return new(id, secret);
    }

    /// <summary>Forgets a credential: one that was withdrawn, or that the agreement did not take.</summary>
    public async Task RemoveAsync(string id, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("DELETE FROM agreements.credentials WHERE id = $1");
        command.Parameters.Add(new() { Value = id });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
