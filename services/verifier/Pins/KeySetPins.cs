using Mailkey.Authentication.Keys;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Verifier.Pins;

/// <summary>The table of key sets seen. Several verifiers write to it; what they know is merged as <see cref="SeenKeySet.Merge"/> does.</summary>
public sealed class KeySetPins(NpgsqlDataSource database)
{
    public static readonly SchemaMigration Migration = new(
        "verifier",
        "key-set-pins-1",
        """
        CREATE TABLE verifier.key_set_pins (
            domain text PRIMARY KEY,
            serial bigint,
            first_seen timestamptz NOT NULL,
            last_seen timestamptz NOT NULL,
            absent_since timestamptz,
            changed_at timestamptz NOT NULL DEFAULT now());
        CREATE INDEX key_set_pins_changed_at ON verifier.key_set_pins (changed_at);
        CREATE INDEX key_set_pins_last_seen ON verifier.key_set_pins (last_seen);
        """);

    /// <summary>The domains that were seen last.</summary>
    public async Task<List<SeenKeySet>> LoadAsync(int most, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "SELECT domain, serial, last_seen, absent_since FROM verifier.key_set_pins ORDER BY last_seen DESC LIMIT $1");
        command.Parameters.Add(new() { Value = most });
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>What was written within the time given, by any verifier.</summary>
    public async Task<List<SeenKeySet>> ChangedAsync(TimeSpan within, int most, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "SELECT domain, serial, last_seen, absent_since FROM verifier.key_set_pins WHERE changed_at > now() - $1 ORDER BY changed_at DESC LIMIT $2");
        command.Parameters.Add(new() { Value = within, NpgsqlDbType = NpgsqlDbType.Interval });
        command.Parameters.Add(new() { Value = most });
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>Merges facts into the table, in one statement.</summary>
    public async Task SaveAsync(IReadOnlyCollection<SeenKeySet> facts, CancellationToken cancellationToken)
    {
        if (facts.Count == 0)
        {
            return;
        }

        // In the order of the key: two verifiers that write the same domains must not wait for each other in a circle.
        List<SeenKeySet> ordered = [.. facts.OrderBy(fact => fact.Domain, StringComparer.Ordinal)];
        await using var command = database.CreateCommand(
            """
            INSERT INTO verifier.key_set_pins AS pin (domain, serial, first_seen, last_seen, absent_since)
            SELECT domain, serial, last_seen, last_seen, absent_since
            FROM unnest($1, $2, $3, $4) AS fact (domain, serial, last_seen, absent_since)
            ON CONFLICT (domain) DO UPDATE SET
                serial = GREATEST(pin.serial, excluded.serial),
                last_seen = GREATEST(pin.last_seen, excluded.last_seen),
                absent_since = (
                    SELECT min(since) FROM (VALUES (pin.absent_since), (excluded.absent_since)) AS known (since)
                    WHERE since > GREATEST(pin.last_seen, excluded.last_seen)),
                changed_at = now()
            """);
        command.Parameters.Add(new() { Value = ordered.ConvertAll(fact => fact.Domain), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = ordered.ConvertAll(fact => fact.Serial), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
        command.Parameters.Add(new() { Value = ordered.ConvertAll(fact => fact.LastSeen.ToUniversalTime()), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = ordered.ConvertAll(fact => fact.AbsentSince?.ToUniversalTime()), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Removes domains whose grace period is over, unless another verifier saw them publish since.</summary>
    public async Task RemoveAbsentAsync(IReadOnlyCollection<string> domains, CancellationToken cancellationToken)
    {
        if (domains.Count == 0)
        {
            return;
        }

        await using var command = database.CreateCommand("DELETE FROM verifier.key_set_pins WHERE domain = ANY($1) AND absent_since IS NOT NULL");
        command.Parameters.Add(new() { Value = domains.ToArray() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Removes domains that were not seen for long; sooner those that were only seen within one day: anybody can publish for any
    /// number of names, once.
    /// </summary>
    /// <returns>The domains removed.</returns>
    public async Task<List<string>> PruneAsync(DateTimeOffset now, TimeSpan regularAge, TimeSpan passingAge, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            DELETE FROM verifier.key_set_pins
            WHERE last_seen < $1 OR (last_seen < $2 AND last_seen - first_seen < interval '1 day')
            RETURNING domain
            """);
        command.Parameters.Add(new() { Value = (now - regularAge).ToUniversalTime() });
        command.Parameters.Add(new() { Value = (now - passingAge).ToUniversalTime() });
        List<string> removed = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            removed.Add(reader.GetString(0));
        }

        return removed;
    }

    private static async Task<List<SeenKeySet>> ReadAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        List<SeenKeySet> facts = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            facts.Add(new(
                reader.GetString(0),
                await reader.IsDBNullAsync(1, cancellationToken) ? null : reader.GetInt64(1),
                reader.GetFieldValue<DateTimeOffset>(2),
                await reader.IsDBNullAsync(3, cancellationToken) ? null : reader.GetFieldValue<DateTimeOffset>(3)));
        }

        return facts;
    }
}
