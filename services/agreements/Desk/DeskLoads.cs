using System.Globalization;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Organizations;
using Mailkey.Hosting.Postgres;
using Npgsql;

namespace Mailkey.Agreements.Desk;

/// <summary>
/// What was asked of others today, which caps are about. Counted in the events themselves, not in a read model that may be behind: else
/// whoever is fast enough would pass every cap.
/// </summary>
public sealed class DeskLoads(NpgsqlDataSource dataSource, TimeProvider time)
{
    private const string Schema = Ledger.AgreementsLedger.Schema;

    /// <summary>The indexes that make it cheap.</summary>
    public static SchemaMigration[] Migrations(string schema) =>
    [
        new(schema, "desk-1", $"""
            CREATE INDEX mt_events_contacts ON {SqlIdentifier.Require(schema)}.mt_events (timestamp) WHERE type = 'organization-contacted';
            CREATE INDEX mt_events_admissions ON {schema}.mt_events ((data ->> 'network'), timestamp) WHERE type = 'organization-proposal-admitted';
            CREATE INDEX mt_events_consent_requests ON {schema}.mt_events (timestamp) WHERE type = 'consent-requested';
            """),
    ];

    /// <summary>First contacts of today.</summary>
    public async Task<ContactLoad> ContactsAsync(string network, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT count(*) FILTER (WHERE data ->> 'network' = $2), count(*)
            FROM {Schema}.mt_events WHERE type = 'organization-contacted' AND timestamp >= $1
            """);
        command.Parameters.Add(new() { Value = Today() });
        command.Parameters.Add(new() { Value = network });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new(reader.GetInt32(0), reader.GetInt32(1));
    }

    /// <summary>Proposals of today from a network, and what their recipient is asked.</summary>
    public async Task<ProposalLoad> ProposalsAsync(string network, string account, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT count(*) FROM {Schema}.mt_events
            WHERE type = 'organization-proposal-admitted' AND data ->> 'network' = $2 AND timestamp >= $1
            """);
        command.Parameters.Add(new() { Value = Today() });
        command.Parameters.Add(new() { Value = network });
        var fromNetwork = Convert.ToInt32(await command.ExecuteScalarAsync(cancellationToken), CultureInfo.InvariantCulture);
        return new(fromNetwork, await ConsentAsync(account, cancellationToken));
    }

    /// <summary>What a user has been asked. The questions that wait are counted in the read model; those of today are not.</summary>
    public async Task<ConsentLoad> ConsentAsync(string account, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT
                (SELECT count(*) FROM {Schema}.mt_events AS asked
                 JOIN {Schema}.mt_events AS first ON first.stream_id = asked.stream_id AND first.version = 1
                 WHERE asked.type = 'consent-requested' AND asked.timestamp >= $1 AND first.data ->> 'account' = $2),
                (SELECT count(*) FROM {Schema}.agreement_list
                 WHERE account = $2 AND jsonb_array_length(state -> 'consentRequests') > 0
                   AND (status = 'awaiting-consent' OR state -> 'pending' -> 'awaits' ? 'user'))
            """);
        command.Parameters.Add(new() { Value = Today() });
        command.Parameters.Add(new() { Value = account });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new(reader.GetInt32(0), reader.GetInt32(1));
    }

    private DateTimeOffset Today() => new(time.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
}
