using System.Globalization;
using Mailkey.Authentication.Keys;
using Mailkey.Senders;

namespace Mailkey.Status.Domains;

/// <summary>What is known here about a domain, without a look at it now.</summary>
public sealed record DomainView
{
    private static readonly IdnMapping Idna = new();

    /// <summary>Lower-case A-labels.</summary>
    public required string Domain { get; init; }

    public required DateTimeOffset Now { get; init; }

    /// <summary>What this receiver does with what it finds: <c>Mailkey:Policy:Stage</c>.</summary>
    public required string Stage { get; init; }

    /// <summary>What was found when somebody last asked; null when nobody did for a day.</summary>
    public DomainCheck? Check { get; init; }

    /// <summary>What verifiers remember of it as a publisher.</summary>
    public SeenKeySet? Pin { get; init; }

    /// <summary>Until when a publisher that vanished counts as unknown.</summary>
    public DateTimeOffset? GraceEnds { get; init; }

    /// <summary>The latest first.</summary>
    public IReadOnlyList<DomainFailure> Failures { get; init; } = [];

    /// <summary>The latest first.</summary>
    public IReadOnlyList<DomainEvent> Events { get; init; } = [];

    /// <summary>The name as people write it; null when that is the same, or the A-labels stand for nothing.</summary>
    public string? Unicode
    {
        get
        {
            try
            {
                var unicode = Domain.Contains("xn--", StringComparison.Ordinal) ? Idna.GetUnicode(Domain) : Domain;
                return unicode != Domain && Idna.GetAscii(unicode) == Domain ? unicode : null;
            }
            catch (ArgumentException)
            {
                return null;
            }
        }
    }

    /// <summary>It offers an older set than one that was seen before.</summary>
    public bool IsRolledBack => Pin is not null && (Latest is { } latest ? latest.State == KeyHostState.Exists && latest.Serial < Pin.Serial : Pin.RefusedSince is not null);

    /// <summary>It published, and is gone for less than the grace period.</summary>
    public bool HasVanished => Pin is not null && (Latest is { } latest ? latest.State == KeyHostState.Absent : Pin.AbsentSince is not null) && (GraceEnds is null || GraceEnds > Now);

    /// <summary>The state for mail now; null when nothing is known.</summary>
    public KeyHostState? State =>
        IsRolledBack || HasVanished ? KeyHostState.Unknown
        : Latest?.State ?? (Pin is { AbsentSince: null } ? KeyHostState.Exists : null);

    /// <summary>One line about the state.</summary>
    public string Reason =>
        IsRolledBack ? string.Create(CultureInfo.InvariantCulture, $"The serial {Latest?.Serial ?? Pin!.RefusedSerial} is lower than {Pin!.Serial}, which was seen before: an old key set is not taken")
        : HasVanished ? string.Create(CultureInfo.InvariantCulture, $"It published a key set until {Pin!.LastSeen:yyyy-MM-dd} and is gone now: its mail is put off {(GraceEnds is { } end ? string.Create(CultureInfo.InvariantCulture, $"until {end:yyyy-MM-dd HH:mm} UTC") : "for some days")}")
        : Latest?.Reason ?? (Pin is { AbsentSince: null } ? string.Create(CultureInfo.InvariantCulture, $"A key set was last seen at {Pin.LastSeen:yyyy-MM-dd HH:mm} UTC") : "Nobody has looked at this domain lately");

    /// <summary>What was found, unless verifiers have seen something later.</summary>
    private DomainFindings? Latest => Check is not null && !(Pin?.LastSeen > Check.At) ? Check.Findings : null;

    /// <summary>Whether its owner should be told how to publish.</summary>
    public bool NeedsGuide => State is null or KeyHostState.Absent || HasVanished;

    /// <summary>Name for a first key.</summary>
    public string KeyName => string.Create(CultureInfo.InvariantCulture, $"{Now.Year}a");

    /// <summary>What would publish a key set.</summary>
    public IReadOnlyList<string> RecordsToPublish => Check?.Findings.RecordsToPublish is { Count: > 0 } records ? records : [KeyRecords.Template(Domain, KeyName)];
}
