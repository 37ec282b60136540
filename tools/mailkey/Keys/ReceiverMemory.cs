using System.Globalization;
using Mailkey.Authentication.Keys;
using Mailkey.Hosting.Options;
using Mailkey.Senders;
using Npgsql;

namespace Mailkey.Tool.Keys;

/// <summary>What the verifiers of this place remember of a domain as a publisher; or that they could not be asked.</summary>
internal sealed record ReceiverMemory
{
    private const int MostEvents = 5;
    private const int ConnectSeconds = 3;

    /// <summary>Why it is not known what is remembered; null when it is.</summary>
    public string? Unreachable { get; init; }

    public long? Serial { get; init; }

    public DateTimeOffset? LastSeen { get; init; }

    /// <summary>Since when a publisher is gone.</summary>
    public DateTimeOffset? VanishedSince { get; init; }

    /// <summary>Until when one that is gone counts as unknown, and its mail is put off.</summary>
    public DateTimeOffset? GraceEnds { get; init; }

    /// <summary>The serial that is refused for being lower than one seen before, and since when.</summary>
    public long? RefusedSerial { get; init; }

    public DateTimeOffset? RefusedSince { get; init; }

    /// <summary>The latest first.</summary>
    public IReadOnlyList<DomainEvent> Events { get; init; } = [];

    /// <summary>Asks the database that the configuration names.</summary>
    /// <param name="domain">In normal form.</param>
    public static async Task<ReceiverMemory> RecallAsync(string domain, MailkeyOptions options, CancellationToken cancellationToken)
    {
        try
        {
            var connection = new NpgsqlConnectionStringBuilder(options.Postgres.ConnectionString) { Timeout = ConnectSeconds, CommandTimeout = ConnectSeconds, Pooling = false };
            await using var database = NpgsqlDataSource.Create(connection.ConnectionString);

            // In this order: what is told of as an event has happened to the pin, too.
            var events = await new DomainEvents(database).FindAsync(domain, MostEvents, cancellationToken);
            return Of(await new KeySetPins(database).FindAsync(domain, cancellationToken), events, options.KeyHost.VanishedGrace);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InvalidSchemaName)
        {
            return new() { Unreachable = "no verifier of this version has used the database yet" };
        }
        catch (Exception e) when (e is NpgsqlException or ArgumentException)
        {
            return new() { Unreachable = e.Message };
        }
    }

    /// <summary>What is wrong for this receiver alone.</summary>
    public IEnumerable<DomainProblem> Problems(DomainFindings findings)
    {
        if (VanishedSince is { } since && findings.State == KeyHostState.Absent)
        {
            yield return new(
                $"It published a key set until {Time(LastSeen!.Value)} and is gone since {Time(since)}: its mail is put off here until {Time(GraceEnds!.Value)}",
                "Publish the key set again; or, when the domain gave up its mailkey, wait.");
        }

        if (findings.State == KeyHostState.Exists && findings.Serial < Serial)
        {
            yield return new(
                string.Create(CultureInfo.InvariantCulture, $"Serial {findings.Serial} is lower than {Serial}, which was seen before: the set is refused here as rolled back"),
                string.Create(CultureInfo.InvariantCulture, $"Serve a document with a serial above {Serial}."));
        }
    }

    public void Print(TextWriter text)
    {
        if (Unreachable is not null)
        {
            text.WriteLine($"  what this receiver remembers is not known: the database was not reached ({Unreachable})");
            return;
        }

        text.WriteLine(LastSeen is { } seen
            ? $"  remembered here as a publisher: {(Serial is { } serial ? string.Create(CultureInfo.InvariantCulture, $"serial {serial}") : "without serial")}, last seen {Time(seen)}"
            : "  not remembered here as a publisher");
        if (VanishedSince is { } since)
        {
            text.WriteLine($"    vanished since {Time(since)}, unknown until {Time(GraceEnds!.Value)}");
        }

        if (RefusedSince is { } refused)
        {
            text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    serial {RefusedSerial} refused since {Time(refused)}"));
        }

        foreach (var e in Events)
        {
            text.WriteLine($"    {Time(e.At)} {e.Kind}{(e.OfferedSerial is { } offered ? string.Create(CultureInfo.InvariantCulture, $": serial {offered} after {e.Serial}") : "")}");
        }
    }

    private static ReceiverMemory Of(SeenKeySet? pin, IReadOnlyList<DomainEvent> events, TimeSpan grace) => new()
    {
        Serial = pin?.Serial,
        LastSeen = pin?.LastSeen,
        VanishedSince = pin?.AbsentSince,
        GraceEnds = pin?.AbsentSince + grace,
        RefusedSerial = pin?.RefusedSerial,
        RefusedSince = pin?.RefusedSince,
        Events = events,
    };

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture);
}
