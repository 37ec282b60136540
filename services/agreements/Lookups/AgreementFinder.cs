using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Credentials;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Ledger;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting.Postgres;
using Mailkey.Ledger;
using Mailkey.Ledger.Events;
using Mailkey.Messaging.Agreements;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Agreements.Lookups;

/// <summary>
/// Finds agreements for ingress and verifiers. The read model says where an agreement is, and its stream what has happened since: so an
/// answer is never older than the question, however far behind the read model may be.
/// </summary>
internal sealed class AgreementFinder(NpgsqlDataSource database, IEventStore store, TimeProvider time, ILogger<AgreementFinder> logger)
    : IAgreementFinder
{
    private const string Columns = "l.id, l.version, l.state";

    private byte[]? _decoySecret;

    public async ValueTask<IReadOnlyList<AgreementFound>?> FindAsync(IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        try
        {
            var wanted = new Wanted(keys);
            _decoySecret ??= wanted.Credentials.Count > 0 ? await ReadDecoySecretAsync(cancellationToken) : null;
            var rows = await ReadAsync(wanted, cancellationToken);
            var states = new Dictionary<string, AgreementState>(StringComparer.Ordinal);
            foreach (var row in rows)
            {
                if (row.AgreementId is { } id && !states.ContainsKey(id))
                {
                    states.Add(id, await StateAsync(id, row.Version, row.State, cancellationToken));
                }
            }

            // An agreement that the read model has not seen yet is in its stream all the same.
            foreach (var id in wanted.Ids.Where(id => !states.ContainsKey(id)))
            {
                states.Add(id, await StateAsync(id, 0, null, cancellationToken));
            }

            return [.. keys.Select(key => Answer(key, rows, states, time.GetUtcNow()))];
        }
        catch (NpgsqlException e) when (DatabaseOutage.Is(e))
        {
            logger.LogWarning("Look-ups of agreements wait for PostgreSQL: {Reason}", e.Message);
            return null;
        }
    }

    /// <summary>The agreement as it acts on mail at a moment; null when it does not.</summary>
    internal static AgreementInForce? InForce(string id, AgreementState state, DateTimeOffset now) =>
        state.TermsInForce(now) is not { } terms ? null : new()
        {
            Id = id,
            Forwarder = state.Forwarder,
            Recipient = state.Recipient,
            Category = state.Category,
            Subscription = state.Subscription,
            Methods = [.. state.Methods.Select(KebabCase<AgreementMethod>.Word)],
            Trust = KebabCase<TrustLevel>.Word(state.Trust),
            Version = state.Version,
            Terms = new()
            {
                Dnsbl = KebabCase<DnsblTerm>.Word(terms.Dnsbl),
                DnsblZones = terms.DnsblZones ?? [],
                Spf = KebabCase<SpfTerm>.Word(terms.Spf),
                Mailkey = KebabCase<MailkeyTerm>.Word(terms.Mailkey),
                Rate = terms.Rate,
                Size = terms.Size,
            },
            Address = state.Methods.Contains(AgreementMethod.Address) ? state.Address : null,
            ValidUntil = terms.Expires,
        };

    private AgreementFound Answer(string key, List<Row> rows, Dictionary<string, AgreementState> states, DateTimeOffset now)
    {
        var kind = AgreementKey.Read(key, out var name);
        switch (kind)
        {
            case AgreementKey.Kind.Forwarder:
                return new() { Key = key, IsForwarder = rows.Exists(row => row.Key == key) };

            case AgreementKey.Kind.Id:
                return new() { Key = key, Agreement = states.TryGetValue(name, out var named) ? InForce(name, named, now) : null };

            case AgreementKey.Kind.Credential:
                var stored = rows.Find(row => row.Key == key);
                var owner = stored?.AgreementId is { } id && states.TryGetValue(id, out var state) ? state : null;
                var listed = owner?.Credentials.Find(credential => credential.Id == name);
                var agreement = listed is null || listed.Ends <= now || !owner!.Methods.Contains(AgreementMethod.Auth) ? null : InForce(stored!.AgreementId!, owner, now);
                return agreement is null
                    ? new() { Key = key, Credential = Decoy(name) }
                    : new() { Key = key, Agreement = agreement, Credential = stored!.Credential! with { AgreementId = agreement.Id, ValidUntil = listed!.Ends } };

            default:
                // Of several rows one at most is in force.
                var found = rows.Where(row => row.Key == key && row.AgreementId is not null)
                    .Select(row => InForce(row.AgreementId!, states[row.AgreementId!], now))
                    .FirstOrDefault(found => found is not null && (kind != AgreementKey.Kind.Address || found.Address == name));
                return new() { Key = key, Agreement = found };
        }
    }

    private async ValueTask<AgreementState> StateAsync(string id, long version, byte[]? json, CancellationToken cancellationToken)
    {
        if (!AgreementId.TryParse(id, out var agreement))
        {
            return AgreementState.None;
        }

        var state = json is null ? AgreementState.None : JsonSerializer.Deserialize(json, AgreementsJson.Default.AgreementState) ?? AgreementState.None;
        await foreach (var stored in store.ReadStreamAsync(agreement.StreamId, version, asOf: null, cancellationToken))
        {
            // What a newer program wrote may have ended it: better no agreement than one that is over.
            if (!AgreementsLedger.Catalog.TryDecode(stored, out var happened))
            {
                return AgreementState.None;
            }

            state = AgreementsLedger.Evolve(state, happened);
        }

        return state;
    }

    private async Task<List<Row>> ReadAsync(Wanted wanted, CancellationToken cancellationToken)
    {
        List<Row> rows = [];
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var batch = connection.CreateBatch();
        Add(wanted.Ids, $"SELECT 'id:' || substr(l.id, 11), {Columns} FROM agreements.agreement_list l WHERE l.id = ANY($1)", AgreementsOf(wanted.Ids));
        Add(wanted.Addresses, $"SELECT 'address:' || l.address, {Columns} FROM agreements.agreement_list l WHERE l.address = ANY($1)", [.. wanted.Addresses]);
        Add(
            wanted.Forwarders,
            "SELECT 'forwarder:' || f, NULL::varchar, 0::bigint, NULL::jsonb FROM unnest($1) f WHERE EXISTS (SELECT 1 FROM agreements.agreement_list l WHERE l.forwarder = f)",
            [.. wanted.Forwarders]);
        Add(
            wanted.Subscriptions,
            $"""
            SELECT 'subscription:' || k, {Columns}
            FROM unnest($1) k
            JOIN agreements.agreement_list l ON l.recipient = split_part(k, E'\t', 2) AND l.forwarder = split_part(k, E'\t', 1) AND l.subscription = split_part(k, E'\t', 3)
            """,
            [.. wanted.Subscriptions]);

        // The look for an agreement is made for a name that nobody has as well: both questions take the same time.
        Add(
            wanted.Credentials,
            $"""
            SELECT 'credential:' || k, coalesce(l.id, 'agreement-' || c.agreement_id), coalesce(l.version, 0), l.state, c.salt, c.iterations, c.stored_key, c.server_key
            FROM unnest($1) k
            LEFT JOIN agreements.credentials c ON c.id = k
            LEFT JOIN agreements.agreement_list l ON l.id = 'agreement-' || coalesce(c.agreement_id, k)
            """,
            [.. wanted.Credentials]);
        if (batch.BatchCommands.Count == 0)
        {
            return rows;
        }

        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        do
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Add(RowOf(reader));
            }
        }
        while (await reader.NextResultAsync(cancellationToken));
        return rows;

        void Add(List<string> names, string sql, string[] parameter)
        {
            if (names.Count > 0)
            {
                batch.BatchCommands.Add(new(sql) { Parameters = { new() { Value = parameter, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text } } });
            }
        }
    }

    private static Row RowOf(NpgsqlDataReader reader)
    {
        var key = reader.GetString(0);
        var id = reader.IsDBNull(1) ? null : reader.GetString(1)["agreement-".Length..];
        ScramCredential? credential = null;
        if (reader.FieldCount > 4 && !reader.IsDBNull(4))
        {
            credential = new()
            {
                Id = key["credential:".Length..],
                Salt = reader.GetFieldValue<byte[]>(4),
                Iterations = reader.GetInt32(5),
                StoredKey = reader.GetFieldValue<byte[]>(6),
                ServerKey = reader.GetFieldValue<byte[]>(7),
            };
        }

        return new(key, id, reader.IsDBNull(2) ? 0 : reader.GetInt64(2), reader.IsDBNull(3) ? null : reader.GetFieldValue<byte[]>(3), credential);
    }

    private static string[] AgreementsOf(List<string> ids) => [.. ids.Select(id => $"agreement-{id}")];

    // RFC 5802 gives a client the salt before it has proven anything, so there is one for every name, and it stays the same.
    private ScramCredential Decoy(string name)
    {
        var text = Encoding.UTF8.GetBytes(name);
        return new()
        {
            Id = name,
            Salt = Derive("salt")[..ScramSecret.SaltLength],
            Iterations = ScramSecret.Iterations,
            StoredKey = Derive("stored"),
            ServerKey = Derive("server"),
        };

        byte[] Derive(string purpose) => HMACSHA256.HashData(_decoySecret!, (byte[])[.. Encoding.UTF8.GetBytes(purpose), 0, .. text]);
    }

    private async Task<byte[]> ReadDecoySecretAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT secret FROM agreements.credential_decoys");
        return (byte[])(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private sealed record Row(string Key, string? AgreementId, long Version, byte[]? State, ScramCredential? Credential);

    // The names that are asked for, by kind.
    private sealed class Wanted
    {
        public Wanted(IReadOnlyList<string> keys)
        {
            foreach (var key in keys)
            {
                var list = AgreementKey.Read(key, out var name) switch
                {
                    // A name that was never minted is in no table.
                    AgreementKey.Kind.Id => AgreementId.TryParse(name, out _) ? Ids : null,
                    AgreementKey.Kind.Credential => Credentials,
                    AgreementKey.Kind.Address => UniqueAddress.TryParse(name, out _) ? Addresses : null,
                    AgreementKey.Kind.Forwarder => Forwarders,
                    AgreementKey.Kind.Subscription => Subscriptions,
                    _ => null,
                };
                list?.Add(name);
            }
        }

        public List<string> Ids { get; } = [];

        public List<string> Credentials { get; } = [];

        public List<string> Addresses { get; } = [];

        public List<string> Forwarders { get; } = [];

        public List<string> Subscriptions { get; } = [];
    }
}
