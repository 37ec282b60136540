using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Senders;

/// <summary>Mail of a domain that was not taken within one hour, for one cause.</summary>
/// <param name="Domain">In normal form.</param>
/// <param name="Hour">Beginning of the hour, UTC.</param>
/// <param name="Cause">A sentence of <see cref="FailureCause"/>.</param>
/// <param name="Permanent">Refused (5yz), not put off (4yz).</param>
public sealed record DomainFailure(string Domain, DateTimeOffset Hour, string Cause, bool Permanent, long Count, DateTimeOffset LastAt);

/// <summary>The table of recent failures by sender domain.</summary>
public sealed class DomainFailures(NpgsqlDataSource database)
{
    /// <summary>Adds counts.</summary>
    public async Task AddAsync(IReadOnlyCollection<DomainFailure> failures, CancellationToken cancellationToken)
    {
        if (failures.Count == 0)
        {
            return;
        }

        // In the order of the key: two verifiers that write the same rows must not wait for each other in a circle.
        List<DomainFailure> ordered = [.. failures
            .OrderBy(failure => failure.Domain, StringComparer.Ordinal).ThenBy(failure => failure.Hour).ThenBy(failure => failure.Cause, StringComparer.Ordinal).ThenBy(failure => failure.Permanent)];
        await using var command = database.CreateCommand(
            """
            INSERT INTO verifier.domain_failures AS known (domain, hour, cause, permanent, count, last_at)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
            ON CONFLICT (domain, hour, cause, permanent) DO UPDATE SET
                count = known.count + excluded.count, last_at = GREATEST(known.last_at, excluded.last_at)
            """);
        Add(ordered.ConvertAll(failure => failure.Domain), NpgsqlDbType.Text);
        Add(ordered.ConvertAll(failure => failure.Hour.ToUniversalTime()), NpgsqlDbType.TimestampTz);
        Add(ordered.ConvertAll(failure => failure.Cause), NpgsqlDbType.Text);
        Add(ordered.ConvertAll(failure => failure.Permanent), NpgsqlDbType.Boolean);
        Add(ordered.ConvertAll(failure => failure.Count), NpgsqlDbType.Bigint);
        Add(ordered.ConvertAll(failure => failure.LastAt.ToUniversalTime()), NpgsqlDbType.TimestampTz);
        await command.ExecuteNonQueryAsync(cancellationToken);

        void Add<T>(List<T> values, NpgsqlDbType type) => command.Parameters.Add(new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | type });
    }

    /// <summary>The failures of a domain, the latest first.</summary>
    public async Task<IReadOnlyList<DomainFailure>> FindAsync(string domain, int most, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            SELECT domain, hour, cause, permanent, count, last_at FROM verifier.domain_failures
            WHERE domain = $1 ORDER BY hour DESC, last_at DESC, cause, permanent LIMIT $2
            """);
        command.Parameters.Add(new() { Value = domain });
        command.Parameters.Add(new() { Value = most });
        List<DomainFailure> failures = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            failures.Add(new(
                reader.GetString(0), reader.GetFieldValue<DateTimeOffset>(1), reader.GetString(2), reader.GetBoolean(3), reader.GetInt64(4), reader.GetFieldValue<DateTimeOffset>(5)));
        }

        return failures;
    }

    /// <summary>Removes what is older than a time.</summary>
    public async Task PruneAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("DELETE FROM verifier.domain_failures WHERE hour < $1");
        command.Parameters.Add(new() { Value = before.ToUniversalTime() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
