using System.Text.Json;
using System.Text.Json.Serialization;
using Mailkey.Authentication.Keys;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Senders;

/// <summary>What was found when somebody asked for a domain to be looked at again.</summary>
/// <param name="HasSpf">Whether the domain publishes an SPF record; null when that could not be found out.</param>
public sealed record DomainCheck(DateTimeOffset At, DomainFindings Findings, bool? HasSpf);

/// <summary>
/// The table of domains that somebody asked to look at again: what was found, for the page; and for the verifiers the sign to drop
/// what they have in their caches.
/// </summary>
public sealed class DomainChecks(NpgsqlDataSource database)
{
    /// <summary>How long a finding is shown.</summary>
    public static readonly TimeSpan Age = TimeSpan.FromDays(1);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() } };

    /// <summary>Claims the right to look at a domain now.</summary>
    /// <param name="interval">Least time between two checks of one domain, whoever asks for them.</param>
    /// <returns>Null when it may be looked at; else how long to wait.</returns>
    public async Task<TimeSpan?> ClaimAsync(string domain, DateTimeOffset now, TimeSpan interval, CancellationToken cancellationToken)
    {
        await using var claim = database.CreateCommand(
            """
            INSERT INTO verifier.domain_checks AS known (domain, checked_at) VALUES ($1, $2)
            ON CONFLICT (domain) DO UPDATE SET checked_at = excluded.checked_at WHERE known.checked_at <= excluded.checked_at - $3
            RETURNING true
            """);
        claim.Parameters.Add(new() { Value = domain });
        claim.Parameters.Add(new() { Value = now.ToUniversalTime() });
        claim.Parameters.Add(new() { Value = interval, NpgsqlDbType = NpgsqlDbType.Interval });
        if (await claim.ExecuteScalarAsync(cancellationToken) is true)
        {
            return null;
        }

        await using var last = database.CreateCommand("SELECT checked_at FROM verifier.domain_checks WHERE domain = $1");
        last.Parameters.Add(new() { Value = domain });
        return await last.ExecuteScalarAsync(cancellationToken) is DateTime at && at + interval - now.UtcDateTime is var wait && wait > TimeSpan.Zero ? wait : TimeSpan.FromSeconds(1);
    }

    /// <summary>Keeps what was found.</summary>
    public async Task SaveAsync(string domain, DomainCheck check, CancellationToken cancellationToken)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(check, Json);
        Jsonb.ReplaceNul(json.AsSpan());
        await using var command = database.CreateCommand("UPDATE verifier.domain_checks SET findings = $2 WHERE domain = $1");
        command.Parameters.Add(new() { Value = domain });
        command.Parameters.Add(new() { Value = json, NpgsqlDbType = NpgsqlDbType.Jsonb });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>What was last found; null when nobody asked for it within a day.</summary>
    public async Task<DomainCheck?> FindAsync(string domain, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT findings FROM verifier.domain_checks WHERE domain = $1");
        command.Parameters.Add(new() { Value = domain });
        var check = await command.ExecuteScalarAsync(cancellationToken) is string json ? Read(json) : null;
        return check is not null && now - check.At < Age ? check : null;
    }

    /// <summary>The domains that somebody asked for since a time, and when.</summary>
    public async Task<IReadOnlyList<(string Domain, DateTimeOffset At)>> SinceAsync(DateTimeOffset since, int most, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "SELECT domain, checked_at FROM verifier.domain_checks WHERE checked_at > $1 ORDER BY checked_at DESC LIMIT $2");
        command.Parameters.Add(new() { Value = since.ToUniversalTime() });
        command.Parameters.Add(new() { Value = most });
        List<(string, DateTimeOffset)> domains = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            domains.Add((reader.GetString(0), reader.GetFieldValue<DateTimeOffset>(1)));
        }

        return domains;
    }

    /// <summary>Removes what is not shown any more.</summary>
    public async Task PruneAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("DELETE FROM verifier.domain_checks WHERE checked_at < $1");
        command.Parameters.Add(new() { Value = (now - Age).ToUniversalTime() });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static DomainCheck? Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<DomainCheck>(json, Json);
        }
        catch (JsonException)
        {
            return null; // written by a version with another shape: it is looked at again when somebody asks
        }
    }
}
