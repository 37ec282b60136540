using Mailkey.Hosting.Postgres;
using Mailkey.Policy.State;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Verifier.Policy;

/// <summary>
/// What greylisting and rate limits remember, shared by all verifiers. A row is a hash and two times, about 100 octets with its
/// index. How a message changes a row is written down in <see cref="StateEntry.After"/>; the function here does the same.
/// </summary>
public sealed class PolicyStateTable(NpgsqlDataSource database)
{
    public static readonly SchemaMigration Migration = new(
        "verifier",
        "policy-state-1",
        """
        CREATE TABLE verifier.policy_state (
            key bytea PRIMARY KEY,
            since timestamptz NOT NULL,
            count integer NOT NULL,
            expires_at timestamptz NOT NULL)
        WITH (fillfactor = 80);
        CREATE INDEX policy_state_expires_at ON verifier.policy_state (expires_at);

        -- Asks in order and stops behind the first query that is refused, in one round trip. One element for each key; those of
        -- one query have the same place. period: greylist delay, or the time of a rate limit. lim: 0 for greylisting.
        CREATE FUNCTION verifier.policy_ask(
            places integer[], keys bytea[], periods interval[], windows interval[], remembers interval[], limits integer[], at timestamptz,
            OUT refused integer, OUT retry_at timestamptz)
        LANGUAGE plpgsql AS $$
        DECLARE
            entry record;
            lim integer;
            again timestamptz;
        BEGIN
            -- The last moments before a crash of the server may be forgotten: a client comes once more.
            PERFORM set_config('synchronous_commit', 'off', true);
            FOR i IN 1 .. cardinality(keys) LOOP
                EXIT WHEN refused IS NOT NULL AND places[i] <> refused;
                lim := limits[i];
                INSERT INTO verifier.policy_state AS known (key, since, count, expires_at)
                VALUES (keys[i], at, sign(lim), at + CASE WHEN lim = 0 THEN windows[i] ELSE periods[i] END)
                ON CONFLICT (key) DO UPDATE SET
                    since = CASE WHEN known.expires_at <= at THEN excluded.since ELSE known.since END,
                    count = CASE
                        WHEN known.expires_at <= at THEN excluded.count
                        WHEN lim = 0 THEN (known.count > 0 OR at >= known.since + periods[i])::integer
                        ELSE least(known.count, lim) + 1 END,
                    expires_at = CASE
                        WHEN known.expires_at <= at THEN excluded.expires_at
                        WHEN lim = 0 AND (known.count > 0 OR at >= known.since + periods[i]) THEN at + remembers[i]
                        ELSE known.expires_at END
                RETURNING known.since, known.count, known.expires_at INTO entry;
                again := CASE
                    WHEN lim = 0 AND entry.count = 0 THEN entry.since + periods[i]
                    WHEN lim > 0 AND entry.count > lim THEN entry.expires_at END;
                IF again IS NOT NULL THEN
                    refused := places[i];
                    retry_at := greatest(retry_at, again);
                END IF;
            END LOOP;
        END
        $$;
        """);

    /// <summary>Asks in order and stops at the first query that is refused; one round trip.</summary>
    public async Task<StateRefusal?> AskAsync(IReadOnlyList<StateQuery> queries, CancellationToken cancellationToken)
    {
        List<int> places = [];
        List<byte[]> keys = [];
        List<TimeSpan> periods = [];
        List<TimeSpan> windows = [];
        List<TimeSpan> remembers = [];
        List<int> limits = [];
        for (var i = 0; i < queries.Count; i++)
        {
            foreach (var key in queries[i].Keys)
            {
                places.Add(i);
                keys.Add(key.ToArray());
                periods.Add(queries[i].Period);
                windows.Add(queries[i].Window);
                remembers.Add(queries[i].Remember);
                limits.Add(queries[i].Kind == StateKind.Greylist ? 0 : queries[i].Limit);
            }
        }

        await using var command = database.CreateCommand("SELECT refused, retry_at FROM verifier.policy_ask($1, $2, $3, $4, $5, $6, $7)");
        command.Parameters.Add(new() { Value = places });
        command.Parameters.Add(new() { Value = keys, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea });
        command.Parameters.Add(new() { Value = periods, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Interval });
        command.Parameters.Add(new() { Value = windows, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Interval });
        command.Parameters.Add(new() { Value = remembers, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Interval });
        command.Parameters.Add(new() { Value = limits });
        command.Parameters.Add(new() { Value = queries[0].Now.ToUniversalTime() });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return await reader.IsDBNullAsync(0, cancellationToken) ? null : new(reader.GetInt32(0), reader.GetFieldValue<DateTimeOffset>(1));
    }

    /// <summary>Removes what has expired, and beyond a number of rows those that expire first.</summary>
    /// <returns>Rows removed.</returns>
    public async Task<long> CleanAsync(DateTimeOffset now, long most, CancellationToken cancellationToken)
    {
        // In portions, and past rows that a message is changing just now: no message waits for the cleaning.
        const int portion = 10_000;
        long removed = 0;
        while (true)
        {
            await using var command = database.CreateCommand(
                """
                DELETE FROM verifier.policy_state WHERE key = ANY (ARRAY(
                    SELECT key FROM verifier.policy_state WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))
                """);
            command.Parameters.Add(new() { Value = now.ToUniversalTime() });
            command.Parameters.Add(new() { Value = portion });
            var count = await command.ExecuteNonQueryAsync(cancellationToken);
            removed += count;
            if (count < portion)
            {
                break;
            }
        }

        await using var size = database.CreateCommand("SELECT count(*) FROM verifier.policy_state");
        var excess = (long)(await size.ExecuteScalarAsync(cancellationToken))! - most;
        while (excess > 0)
        {
            await using var command = database.CreateCommand(
                """
                DELETE FROM verifier.policy_state WHERE key = ANY (ARRAY(
                    SELECT key FROM verifier.policy_state ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))
                """);
            command.Parameters.Add(new() { Value = Math.Min(excess, portion) });
            var count = await command.ExecuteNonQueryAsync(cancellationToken);
            if (count == 0)
            {
                break;
            }

            removed += count;
            excess -= count;
        }

        return removed;
    }
}
