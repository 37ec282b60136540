using System.Buffers.Binary;
using Mailkey.Hosting.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Mailkey.Verifier.Agreements.Replays;

/// <summary>Signatures that were taken more than once for one recipient, for all verifiers. A row is a hash, a count and a time; it names nobody.</summary>
public sealed class TakenSignaturesTable(NpgsqlDataSource database)
{
    public static readonly SchemaMigration Migration = new(
        "verifier",
        "taken-signatures-1",
        """
        CREATE TABLE verifier.taken_signatures (
            key bytea PRIMARY KEY,
            taken integer NOT NULL,
            changed_at timestamptz NOT NULL)
        WITH (fillfactor = 80);
        CREATE INDEX taken_signatures_changed_at ON verifier.taken_signatures (changed_at);
        """);

    private const int KeyLength = 16;

    /// <summary>Adds what one verifier has taken, in one statement. A key may be there only once.</summary>
    public async Task AddAsync(IReadOnlyCollection<(UInt128 Key, int Taken)> changes, CancellationToken cancellationToken)
    {
        // In the order of the key: two verifiers that write the same ones must not wait for each other in a circle.
        List<(UInt128 Key, int Taken)> ordered = [.. changes.OrderBy(change => change.Key)];
        await using var command = database.CreateCommand(
            """
            INSERT INTO verifier.taken_signatures AS known (key, taken, changed_at)
            SELECT key, taken, clock_timestamp() FROM unnest($1, $2) AS change (key, taken)
            ON CONFLICT (key) DO UPDATE SET taken = known.taken + excluded.taken, changed_at = excluded.changed_at
            """);
        command.Parameters.Add(new() { Value = ordered.ConvertAll(change => Octets(change.Key)), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea });
        command.Parameters.Add(new() { Value = ordered.ConvertAll(change => change.Taken), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Reads what has changed, by the clock of the database alone.</summary>
    /// <param name="after">Changes after this time; null: all of the memory.</param>
    /// <returns>Keys with what all verifiers have taken, and the time of the last change.</returns>
    public async Task<(IReadOnlyList<(UInt128 Key, int Taken)> Changes, DateTimeOffset? Last)> ReadAsync(
        DateTimeOffset? after, TimeSpan memory, int most, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            SELECT key, taken, changed_at FROM verifier.taken_signatures
            WHERE changed_at > coalesce($1, clock_timestamp() - $2)
            ORDER BY changed_at LIMIT $3
            """);
        command.Parameters.Add(new() { Value = (object?)after?.ToUniversalTime() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = memory, NpgsqlDbType = NpgsqlDbType.Interval });
        command.Parameters.Add(new() { Value = most });
        List<(UInt128, int)> changes = [];
        DateTimeOffset? last = null;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            changes.Add((BinaryPrimitives.ReadUInt128BigEndian(reader.GetFieldValue<byte[]>(0)), reader.GetInt32(1)));
            last = reader.GetFieldValue<DateTimeOffset>(2);
        }

        return (changes, last);
    }

    /// <summary>Removes what is older than the memory, and of the rest what is beyond a number of rows.</summary>
    public async Task PruneAsync(TimeSpan memory, int most, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            DELETE FROM verifier.taken_signatures
            WHERE changed_at < clock_timestamp() - $1
               OR changed_at <= (SELECT changed_at FROM verifier.taken_signatures ORDER BY changed_at DESC OFFSET $2 LIMIT 1)
            """);
        command.Parameters.Add(new() { Value = memory, NpgsqlDbType = NpgsqlDbType.Interval });
        command.Parameters.Add(new() { Value = most });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static byte[] Octets(UInt128 key)
    {
        var octets = new byte[KeyLength];
        BinaryPrimitives.WriteUInt128BigEndian(octets, key);
        return octets;
    }
}
