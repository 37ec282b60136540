using System.Text.Json;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Ledger;
using Mailkey.Agreements.Organizations;
using Mailkey.Hosting.Postgres;
using Npgsql;

namespace Mailkey.Agreements.Reports;

/// <summary>
/// Sums up what all agreements of an organisation came to on a day, and brings it into the ledger, where it decides about trust. The sums come
/// from the read models: what those do not have yet is there the next time.
/// </summary>
public sealed class OrganizationHistory(NpgsqlDataSource database, OrganizationDesk desk, DeskPolicies policies, TimeProvider time)
{
    private static readonly Actor History = new(ActorKind.System, "history");

    /// <summary>Reports are few among the events, and looked for by day.</summary>
    public static readonly SchemaMigration Migration = new(
        AgreementsLedger.Schema,
        "organization-history-1",
        $"CREATE INDEX mt_events_reports ON {AgreementsLedger.Schema}.mt_events (timestamp) WHERE type IN ({Complaint}, {Misuse})");

    private const string Complaint = "'complaint-received'";
    private const string Misuse = "'misuse-observed'";

    /// <summary>Records yesterday, and of today what cannot wait. Replicas may do it at the same time, and as often as they like.</summary>
    public async Task RecordAsync(CancellationToken cancellationToken)
    {
        // In the order of days: a day before the last one is not heard.
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        await RecordAsync(today.AddDays(-1), IsWorthAnEvent, cancellationToken);
        await RecordAsync(today, CannotWait, cancellationToken);
    }

    private async Task RecordAsync(DateOnly day, Func<OrganizationDay, bool> isWanted, CancellationToken cancellationToken)
    {
        foreach (var found in await SumAsync(day, cancellationToken))
        {
            if (isWanted(found))
            {
                await desk.DecideAsync(
                    found.Domain,
                    new RecordHistory(History, day, found.Agreements, found.Counts.Messages, found.Counts.Complaints, found.Counts.Misuse),
                    cause: null,
                    cancellationToken);
            }
        }
    }

    private static bool IsWorthAnEvent(OrganizationDay day) =>
        day.Known.LastDay is not { } last || last < day.Day ? day.Counts != HistoryCounts.Zero || day.Agreements != day.Known.Agreements
        : last == day.Day && day.Counts != day.Known.Last;

    // A day has one event at its end, unless something that decides has happened: more reports, or so many agreements that there is a limit.
    private bool CannotWait(OrganizationDay day)
    {
        var known = day.Known.LastDay == day.Day ? day.Known.Last : HistoryCounts.Zero;
        var limit = policies.Organizations.AgreementsInProbation;
        return day.Counts.Reports > known.Reports || (day.Agreements >= limit) != (day.Known.Agreements >= limit);
    }

    private async Task<List<OrganizationDay>> SumAsync(DateOnly day, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            WITH traffic AS (
                SELECT l.forwarder, least(sum(t.messages), 2147483647)::integer AS messages
                FROM {AgreementsLedger.Schema}.traffic t JOIN {AgreementsLedger.Schema}.agreement_list l ON l.id = 'agreement-' || t.agreement_id
                WHERE t.day = $1 GROUP BY l.forwarder),
            reports AS (
                SELECT l.forwarder, count(*) FILTER (WHERE e.type = {Complaint})::integer AS complaints, count(*) FILTER (WHERE e.type = {Misuse})::integer AS misuse
                FROM {AgreementsLedger.Schema}.mt_events e JOIN {AgreementsLedger.Schema}.agreement_list l ON l.id = e.stream_id
                WHERE e.type IN ({Complaint}, {Misuse}) AND e.timestamp >= $2 AND e.timestamp < $3 GROUP BY l.forwarder)
            SELECT o.domain, o.state, coalesce(t.messages, 0), coalesce(r.complaints, 0), coalesce(r.misuse, 0),
                (SELECT count(*) FROM {AgreementsLedger.Schema}.agreement_list l
                 WHERE l.forwarder = o.domain AND l.status IN ('active-probation', 'active-established', 'renegotiating', 'suspended'))::integer
            FROM {AgreementsLedger.Schema}.organization_list o
            LEFT JOIN traffic t ON t.forwarder = o.domain
            LEFT JOIN reports r ON r.forwarder = o.domain
            WHERE o.status IN ('verified', 'suspended') AND (o.trust = 'probation' OR t.messages IS NOT NULL OR r.complaints IS NOT NULL)
            """);
        var begin = new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero);
        command.Parameters.Add(new() { Value = day });
        command.Parameters.Add(new() { Value = begin });
        command.Parameters.Add(new() { Value = begin.AddDays(1) });
        List<OrganizationDay> days = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var state = JsonSerializer.Deserialize(reader.GetFieldValue<byte[]>(1), AgreementsJson.Default.OrganizationState) ?? OrganizationState.None;
            days.Add(new(reader.GetString(0), day, state, new(reader.GetInt32(2), reader.GetInt32(3), reader.GetInt32(4)), reader.GetInt32(5)));
        }

        return days;
    }

    /// <param name="Known">What the ledger knew a moment ago.</param>
    private sealed record OrganizationDay(string Domain, DateOnly Day, OrganizationState Known, HistoryCounts Counts, int Agreements);
}
