using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Senders;

/// <summary>The table of domain events.</summary>
public sealed class DomainEvents(NpgsqlDataSource database)
{
    /// <summary>How long events are kept.</summary>
    public static readonly TimeSpan Age = TimeSpan.FromDays(180);

    // A domain whose name servers contradict each other can make one event after the other.
    private const int MostOfDomain = 100;

    /// <summary>The events of a domain, the latest first.</summary>
    public async Task<IReadOnlyList<DomainEvent>> FindAsync(string domain, int most, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "SELECT domain, kind, at, serial, offered_serial, last_seen FROM verifier.domain_events WHERE domain = $1 ORDER BY id DESC LIMIT $2");
        command.Parameters.Add(new() { Value = domain });
        command.Parameters.Add(new() { Value = most });
        List<DomainEvent> events = [];
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            events.Add(new(
                reader.GetString(0),
                reader.GetString(1),
                reader.GetFieldValue<DateTimeOffset>(2),
                await reader.IsDBNullAsync(3, cancellationToken) ? null : reader.GetInt64(3),
                await reader.IsDBNullAsync(4, cancellationToken) ? null : reader.GetInt64(4),
                reader.GetFieldValue<DateTimeOffset>(5)));
        }

        return events;
    }

    /// <summary>Removes what is old, and what a single domain has too much of.</summary>
    public async Task PruneAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            DELETE FROM verifier.domain_events WHERE at < $1 OR id IN (
                SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY domain ORDER BY id DESC) AS place FROM verifier.domain_events) AS placed WHERE place > $2)
            """);
        command.Parameters.Add(new() { Value = (now - Age).ToUniversalTime() });
        command.Parameters.Add(new() { Value = MostOfDomain });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    internal static async Task AddAsync(NpgsqlConnection connection, List<DomainEvent> events, CancellationToken cancellationToken)
    {
        if (events.Count == 0)
        {
            return;
        }

        await using var command = new NpgsqlCommand(
            """
            INSERT INTO verifier.domain_events (domain, kind, at, serial, offered_serial, last_seen)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
            """,
            connection);
        Add(events.ConvertAll(e => e.Domain), NpgsqlDbType.Text);
        Add(events.ConvertAll(e => e.Kind), NpgsqlDbType.Text);
        Add(events.ConvertAll(e => e.At.ToUniversalTime()), NpgsqlDbType.TimestampTz);
        Add(events.ConvertAll(e => e.Serial), NpgsqlDbType.Bigint);
        Add(events.ConvertAll(e => e.OfferedSerial), NpgsqlDbType.Bigint);
        Add(events.ConvertAll(e => e.LastSeen.ToUniversalTime()), NpgsqlDbType.TimestampTz);
        await command.ExecuteNonQueryAsync(cancellationToken);

        void Add<T>(List<T> values, NpgsqlDbType type) => command.Parameters.Add(new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | type });
    }
}
