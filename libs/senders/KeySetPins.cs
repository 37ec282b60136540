using Mailkey.Authentication.Keys;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Senders;

/// <summary>
/// The table of key sets seen. Several verifiers write to it; what they know is merged by <see cref="SeenKeySet.Merge"/>, and
/// the events that follow are written with it: whoever changes the row writes the event, and nobody else.
/// </summary>
public sealed class KeySetPins(NpgsqlDataSource database)
{
    private const string Columns = "domain, serial, last_seen, absent_since, refused_serial, refused_since";

    /// <summary>The domains that were seen last.</summary>
    public async Task<List<SeenKeySet>> LoadAsync(int most, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand($"SELECT {Columns} FROM verifier.key_set_pins ORDER BY last_seen DESC LIMIT $1");
        command.Parameters.Add(new() { Value = most });
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>What was written within the time given, by any verifier.</summary>
    public async Task<List<SeenKeySet>> ChangedAsync(TimeSpan within, int most, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"SELECT {Columns} FROM verifier.key_set_pins WHERE changed_at > now() - $1 ORDER BY changed_at DESC LIMIT $2");
        command.Parameters.Add(new() { Value = within, NpgsqlDbType = NpgsqlDbType.Interval });
        command.Parameters.Add(new() { Value = most });
        return await ReadAsync(command, cancellationToken);
    }

    /// <summary>Merges facts into the table.</summary>
    /// <returns>The events that these facts brought; they are in the table of events.</returns>
    public async Task<IReadOnlyList<DomainEvent>> SaveAsync(IReadOnlyCollection<SeenKeySet> facts, CancellationToken cancellationToken)
    {
        if (facts.Count == 0)
        {
            return [];
        }

        // In the order of the key: two verifiers that write the same domains must not wait for each other in a circle.
        List<SeenKeySet> ordered = [.. facts.OrderBy(fact => fact.Domain, StringComparer.Ordinal)];
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var added = await AddAsync(connection, ordered, cancellationToken);

        // A statement of its own, so that it sees what another verifier committed while the first one waited for it.
        var known = await LockAsync(connection, [.. ordered.Where(fact => !added.Contains(fact.Domain)).Select(fact => fact.Domain)], cancellationToken);
        List<SeenKeySet> changed = [];
        List<DomainEvent> events = [];
        foreach (var fact in ordered)
        {
            var before = known.GetValueOrDefault(fact.Domain);
            var after = before?.Merge(fact) ?? fact;
            if (before is not null && after != before)
            {
                changed.Add(after);
            }

            events.AddRange(DomainEvent.Between(before, after));
        }

        await UpdateAsync(connection, changed, cancellationToken);
        await DomainEvents.AddAsync(connection, events, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return events;
    }

    /// <summary>Removes domains whose grace period is over, unless another verifier saw them publish since.</summary>
    /// <returns>The events that this brought.</returns>
    public async Task<IReadOnlyList<DomainEvent>> RemoveAbsentAsync(IReadOnlyCollection<string> domains, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (domains.Count == 0)
        {
            return [];
        }

        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var command = new NpgsqlCommand($"DELETE FROM verifier.key_set_pins WHERE domain = ANY($1) AND absent_since IS NOT NULL RETURNING {Columns}", connection);
        command.Parameters.Add(new() { Value = domains.Order(StringComparer.Ordinal).ToArray() });
        List<DomainEvent> events = [.. (await ReadAsync(command, cancellationToken))
            .Select(gone => new DomainEvent(gone.Domain, DomainEventKind.PublisherForgotten, now, gone.Serial, null, gone.LastSeen))];
        await DomainEvents.AddAsync(connection, events, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return events;
    }

    /// <summary>
    /// Removes domains that were not seen for long; sooner those that were only seen within one day: anybody can publish for any
    /// number of names, once. One that has vanished stays until its grace period is over: removed before, it would count as a domain
    /// that never published.
    /// </summary>
    /// <returns>The domains removed.</returns>
    public async Task<List<string>> PruneAsync(DateTimeOffset now, TimeSpan regularAge, TimeSpan passingAge, TimeSpan vanishedGrace, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            DELETE FROM verifier.key_set_pins
            WHERE (last_seen < $1 OR (last_seen < $2 AND last_seen - first_seen < interval '1 day'))
                AND (absent_since IS NULL OR absent_since < $3)
            RETURNING domain
            """);
        command.Parameters.Add(new() { Value = (now - regularAge).ToUniversalTime() });
        command.Parameters.Add(new() { Value = (now - passingAge).ToUniversalTime() });
        command.Parameters.Add(new() { Value = (now - vanishedGrace).ToUniversalTime() });
        List<string> removed = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            removed.Add(reader.GetString(0));
        }

        return removed;
    }

    /// <summary>Those of the given domains that are not in the table.</summary>
    public async Task<HashSet<string>> MissingAsync(IReadOnlyCollection<string> domains, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "SELECT name FROM unnest($1) AS name WHERE NOT EXISTS (SELECT FROM verifier.key_set_pins WHERE domain = name)");
        command.Parameters.Add(new() { Value = domains.ToArray() });
        HashSet<string> missing = new(StringComparer.Ordinal);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            missing.Add(reader.GetString(0));
        }

        return missing;
    }

    /// <summary>What is known of one domain; null when it never published, or was forgotten since.</summary>
    public async Task<SeenKeySet?> FindAsync(string domain, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand($"SELECT {Columns} FROM verifier.key_set_pins WHERE domain = $1");
        command.Parameters.Add(new() { Value = domain });
        return (await ReadAsync(command, cancellationToken)).FirstOrDefault();
    }

    private static async Task<HashSet<string>> AddAsync(NpgsqlConnection connection, List<SeenKeySet> facts, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO verifier.key_set_pins (domain, serial, last_seen, absent_since, refused_serial, refused_since, first_seen)
            SELECT *, last_seen FROM unnest($1, $2, $3, $4, $5, $6) AS fact (domain, serial, last_seen, absent_since, refused_serial, refused_since)
            ON CONFLICT (domain) DO NOTHING
            RETURNING domain
            """,
            connection);
        Parameters(command, facts);
        HashSet<string> added = new(StringComparer.Ordinal);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            added.Add(reader.GetString(0));
        }

        return added;
    }

    private static async Task<Dictionary<string, SeenKeySet>> LockAsync(NpgsqlConnection connection, string[] domains, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand($"SELECT {Columns} FROM verifier.key_set_pins WHERE domain = ANY($1) ORDER BY domain FOR UPDATE", connection);
        command.Parameters.Add(new() { Value = domains });
        return (await ReadAsync(command, cancellationToken)).ToDictionary(fact => fact.Domain, StringComparer.Ordinal);
    }

    private static async Task UpdateAsync(NpgsqlConnection connection, List<SeenKeySet> facts, CancellationToken cancellationToken)
    {
        if (facts.Count == 0)
        {
            return;
        }

        await using var command = new NpgsqlCommand(
            """
            UPDATE verifier.key_set_pins AS pin SET
                serial = fact.serial, last_seen = fact.last_seen, absent_since = fact.absent_since,
                refused_serial = fact.refused_serial, refused_since = fact.refused_since, changed_at = now()
            FROM unnest($1, $2, $3, $4, $5, $6) AS fact (domain, serial, last_seen, absent_since, refused_serial, refused_since)
            WHERE pin.domain = fact.domain
            """,
            connection);
        Parameters(command, facts);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void Parameters(NpgsqlCommand command, List<SeenKeySet> facts)
    {
        Add(facts.ConvertAll(fact => fact.Domain), NpgsqlDbType.Text);
        Add(facts.ConvertAll(fact => fact.Serial), NpgsqlDbType.Bigint);
        Add(facts.ConvertAll(fact => fact.LastSeen.ToUniversalTime()), NpgsqlDbType.TimestampTz);
        Add(facts.ConvertAll(fact => fact.AbsentSince?.ToUniversalTime()), NpgsqlDbType.TimestampTz);
        Add(facts.ConvertAll(fact => fact.RefusedSerial), NpgsqlDbType.Bigint);
        Add(facts.ConvertAll(fact => fact.RefusedSince?.ToUniversalTime()), NpgsqlDbType.TimestampTz);

        void Add<T>(List<T> values, NpgsqlDbType type) => command.Parameters.Add(new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | type });
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
                await TimeAsync(3),
                await reader.IsDBNullAsync(4, cancellationToken) ? null : reader.GetInt64(4),
                await TimeAsync(5)));
        }

        return facts;

        async Task<DateTimeOffset?> TimeAsync(int column) =>
            await reader.IsDBNullAsync(column, cancellationToken) ? null : await reader.GetFieldValueAsync<DateTimeOffset>(column, cancellationToken);
    }
}
