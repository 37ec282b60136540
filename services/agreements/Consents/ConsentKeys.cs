using System.Collections.Immutable;
using System.Security.Cryptography;
using Mailkey.Agreements.Ledger;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Agreements.Consents;

/// <summary>A key for links, and the octet by which a link names it.</summary>
public sealed record ConsentKey(byte Id, byte[] Secret);

/// <summary>
/// The keys that links are signed with: the one that is configured, else one that the first replica makes and all share. A row with a larger id
/// in <c>agreements.consent_keys</c> takes over, and the older ones stay good for the links that are out.
/// </summary>
public sealed class ConsentKeys(NpgsqlDataSource dataSource, IOptions<MailkeyOptions> options, TimeProvider time)
{
    /// <summary>Octets of a key, as many as the hash has.</summary>
    public const int Length = 32;

    // The configured key has an id of its own, beyond those of the table.
    private const byte ConfiguredId = 255;
    private const int FirstId = 1;

    // So soon a key that an operator adds or withdraws is used or refused. Whoever makes up ids of keys must not make us ask for each.
    private static readonly TimeSpan ReloadInterval = TimeSpan.FromMinutes(1);

    private ImmutableDictionary<byte, byte[]> _keys = ImmutableDictionary<byte, byte[]>.Empty;
    private DateTimeOffset _loadedAt = DateTimeOffset.MinValue;

    public static SchemaMigration[] Migrations { get; } =
    [
        new(AgreementsLedger.Schema, "consent-keys-1", $"""
            CREATE TABLE {AgreementsLedger.Schema}.consent_keys (
                id smallint PRIMARY KEY CHECK (id BETWEEN 1 AND 254),
                secret bytea NOT NULL,
                created_at timestamptz NOT NULL DEFAULT now())
            """),
    ];

    /// <summary>The key for new links.</summary>
    public async ValueTask<ConsentKey> CurrentAsync(CancellationToken cancellationToken)
    {
        if (Configured() is { } configured)
        {
            return configured;
        }

        await LoadAsync(isNeeded: _keys.IsEmpty, cancellationToken);
        var id = _keys.Keys.Max();
        return new(id, _keys[id]);
    }

    /// <summary>A key by the name that a link gives it; null when there is none.</summary>
    public async ValueTask<ConsentKey?> FindAsync(byte id, CancellationToken cancellationToken)
    {
        if (id == ConfiguredId)
        {
            return Configured();
        }

        await LoadAsync(isNeeded: false, cancellationToken);
        return _keys.TryGetValue(id, out var secret) ? new(id, secret) : null;
    }

    private ConsentKey? Configured() => options.Value.Agreements.Negotiation.ConsentKey is { Length: > 0 } text
        ? new(ConfiguredId, Convert.FromBase64String(text))
        : null;

    private async ValueTask LoadAsync(bool isNeeded, CancellationToken cancellationToken)
    {
        if (!isNeeded && time.GetUtcNow() - _loadedAt <= ReloadInterval)
        {
            return;
        }

        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(new(
            $"""
            INSERT INTO {AgreementsLedger.Schema}.consent_keys (id, secret)
            SELECT {FirstId}, $1 WHERE NOT EXISTS (SELECT 1 FROM {AgreementsLedger.Schema}.consent_keys)
            ON CONFLICT DO NOTHING
            """)
        {
            Parameters = { new() { Value = RandomNumberGenerator.GetBytes(Length) } },
        });
        batch.BatchCommands.Add(new($"SELECT id, secret FROM {AgreementsLedger.Schema}.consent_keys"));
        var keys = ImmutableDictionary.CreateBuilder<byte, byte[]>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            keys.Add((byte)reader.GetInt16(0), reader.GetFieldValue<byte[]>(1));
        }

        _keys = keys.ToImmutable();
        _loadedAt = time.GetUtcNow();
    }
}
