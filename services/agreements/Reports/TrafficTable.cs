using Mailkey.Agreements.Ledger;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Agreements.Reports;

/// <summary>Messages of one agreement on one day, over all processes that counted.</summary>
/// <param name="Recorded">How many of them the ledger knows.</param>
public sealed record DayOfTraffic(string AgreementId, DateOnly Day, int Messages, int Recorded);

/// <summary>
/// What was accepted under agreements on the last days. Each process reports its own count, which only grows, so that reports may come twice and
/// in any order.
/// </summary>
public sealed class TrafficTable(NpgsqlDataSource database)
{
    public static readonly SchemaMigration Migration = new(
        AgreementsLedger.Schema,
        "traffic-1",
        """
        CREATE TABLE agreements.traffic (
            day date NOT NULL,
            agreement_id text NOT NULL,
            source text NOT NULL,
            messages integer NOT NULL,
            PRIMARY KEY (day, agreement_id, source));
        CREATE TABLE agreements.traffic_recorded (
            day date NOT NULL,
            agreement_id text NOT NULL,
            messages integer NOT NULL,
            PRIMARY KEY (day, agreement_id));
        """);

    /// <summary>Adds the counts of one process; two round trips, however many.</summary>
    /// <returns>The days that they are of.</returns>
    public async Task<IReadOnlyList<DayOfTraffic>> AddAsync(AgreementsUsed used, CancellationToken cancellationToken)
    {
        var days = used.Uses.Select(use => use.Day).ToArray();
        var ids = used.Uses.Select(use => use.AgreementId).ToArray();
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(new(
            """
            INSERT INTO agreements.traffic (day, agreement_id, source, messages)
            SELECT day, agreement_id, $4, max(messages) FROM unnest($1, $2, $3) AS u (day, agreement_id, messages) GROUP BY day, agreement_id
            ON CONFLICT (day, agreement_id, source) DO UPDATE SET messages = greatest(traffic.messages, excluded.messages)
            """)
        {
            Parameters =
            {
                new() { Value = days, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Date },
                new() { Value = ids },
                new() { Value = used.Uses.Select(use => use.Messages).ToArray() },
                new() { Value = used.Source },
            },
        });
        batch.BatchCommands.Add(new(
            $"""
            {Sums}
            WHERE (t.day, t.agreement_id) IN (SELECT day, agreement_id FROM unnest($1, $2) AS u (day, agreement_id))
            GROUP BY t.day, t.agreement_id, r.messages
            """)
        {
            Parameters = { new() { Value = days, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Date }, new() { Value = ids } },
        });
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await ReadAsync(reader, cancellationToken);
    }

    /// <summary>Days that are over and of which the ledger does not know all.</summary>
    public async Task<IReadOnlyList<DayOfTraffic>> UnrecordedAsync(DateOnly before, int limit, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            {Sums}
            WHERE t.day < $1
            GROUP BY t.day, t.agreement_id, r.messages
            HAVING sum(t.messages) > coalesce(r.messages, 0)
            LIMIT $2
            """);
        command.Parameters.Add(new() { Value = before });
        command.Parameters.Add(new() { Value = limit });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await ReadAsync(reader, cancellationToken);
    }

    /// <summary>Notes what the ledger knows.</summary>
    public async Task RecordedAsync(DayOfTraffic day, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            INSERT INTO agreements.traffic_recorded (day, agreement_id, messages) VALUES ($1, $2, $3)
            ON CONFLICT (day, agreement_id) DO UPDATE SET messages = greatest(traffic_recorded.messages, excluded.messages)
            """);
        command.Parameters.Add(new() { Value = day.Day });
        command.Parameters.Add(new() { Value = day.AgreementId });
        command.Parameters.Add(new() { Value = day.Messages });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Forgets days of which nothing more comes.</summary>
    public async Task ForgetAsync(DateOnly before, CancellationToken cancellationToken)
    {
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(new("DELETE FROM agreements.traffic WHERE day < $1") { Parameters = { new() { Value = before } } });
        batch.BatchCommands.Add(new("DELETE FROM agreements.traffic_recorded WHERE day < $1") { Parameters = { new() { Value = before } } });
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private const string Sums =
        """
        SELECT t.agreement_id, t.day, least(sum(t.messages), 2147483647)::integer, coalesce(r.messages, 0)
        FROM agreements.traffic t
        LEFT JOIN agreements.traffic_recorded r ON r.day = t.day AND r.agreement_id = t.agreement_id
        """;

    private static async Task<IReadOnlyList<DayOfTraffic>> ReadAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        List<DayOfTraffic> days = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            days.Add(new(reader.GetString(0), reader.GetFieldValue<DateOnly>(1), reader.GetInt32(2), reader.GetInt32(3)));
        }

        return days;
    }
}
