using Mailkey.Contracts;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Verifier.Policy;

/// <summary>What happened with the mail of one domain since it was last written.</summary>
public readonly record struct HistoryChange(string Domain, DateTimeOffset FirstAt, DateTimeOffset LastAt, long Accepted, long Refused);

/// <summary>The table of sender domains. Several verifiers add to it.</summary>
public sealed class SenderHistoryTable(NpgsqlDataSource database)
{
    public static readonly SchemaMigration Migration = new(
        "verifier",
        "sender-history-1",
        """
        CREATE TABLE verifier.sender_history (
            domain text PRIMARY KEY,
            first_seen timestamptz NOT NULL,
            last_seen timestamptz NOT NULL,
            accepted bigint NOT NULL,
            refused bigint NOT NULL)
        WITH (fillfactor = 80);
        CREATE INDEX sender_history_last_seen ON verifier.sender_history (last_seen);
        """);

    /// <summary>What is known of a domain; empty for one that was never seen.</summary>
    public async Task<SenderHistory> ReadAsync(string domain, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT first_seen, last_seen, accepted, refused FROM verifier.sender_history WHERE domain = $1");
        command.Parameters.Add(new() { Value = domain });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new()
            {
                FirstSeen = reader.GetFieldValue<DateTimeOffset>(0),
                LastSeen = reader.GetFieldValue<DateTimeOffset>(1),
                Accepted = reader.GetInt64(2),
                Refused = reader.GetInt64(3),
            }
            : new();
    }

    /// <summary>Adds changes, in one statement. A domain may be there only once.</summary>
    public async Task AddAsync(IReadOnlyCollection<HistoryChange> changes, CancellationToken cancellationToken)
    {
        // In the order of the key: two verifiers that write the same domains must not wait for each other in a circle.
        List<HistoryChange> ordered = [.. changes.OrderBy(change => change.Domain, StringComparer.Ordinal)];
        await using var command = database.CreateCommand(
            """
            INSERT INTO verifier.sender_history AS known (domain, first_seen, last_seen, accepted, refused)
            SELECT * FROM unnest($1, $2, $3, $4, $5)
            ON CONFLICT (domain) DO UPDATE SET
                first_seen = least(known.first_seen, excluded.first_seen),
                last_seen = greatest(known.last_seen, excluded.last_seen),
                accepted = known.accepted + excluded.accepted,
                refused = known.refused + excluded.refused
            """);
        command.Parameters.Add(new() { Value = ordered.ConvertAll(change => change.Domain), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = ordered.ConvertAll(change => change.FirstAt.ToUniversalTime()), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = ordered.ConvertAll(change => change.LastAt.ToUniversalTime()), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = ordered.ConvertAll(change => change.Accepted), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
        command.Parameters.Add(new() { Value = ordered.ConvertAll(change => change.Refused), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Removes domains that were not seen for long; sooner those that were only seen within one day: anybody can write any number
    /// of names into an envelope, once.
    /// </summary>
    public async Task PruneAsync(DateTimeOffset now, TimeSpan regularAge, TimeSpan passingAge, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            DELETE FROM verifier.sender_history
            WHERE last_seen < $1 OR (last_seen < $2 AND last_seen - first_seen < interval '1 day')
            """);
        command.Parameters.Add(new() { Value = (now - regularAge).ToUniversalTime() });
        command.Parameters.Add(new() { Value = (now - passingAge).ToUniversalTime() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
