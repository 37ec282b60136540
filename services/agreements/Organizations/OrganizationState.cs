using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Mailkey.Agreements.Organizations;

/// <summary>What came of the agreements of an organisation on a day, or on many.</summary>
public sealed record HistoryCounts(int Messages, int Complaints, int Misuse)
{
    public static HistoryCounts Zero { get; } = new(0, 0, 0);

    /// <summary>Complaints and observations of misuse.</summary>
    [JsonIgnore]
    public long Reports => (long)Complaints + Misuse;

    /// <summary>Whether there are more reports than so many for a thousand messages.</summary>
    public bool Exceed(int perThousand) => Reports * 1000 > (long)Messages * perThousand;

    public static HistoryCounts operator +(HistoryCounts left, HistoryCounts right) =>
        new(Sum(left.Messages, right.Messages), Sum(left.Complaints, right.Complaints), Sum(left.Misuse, right.Misuse));

    private static int Sum(int left, int right) => (int)Math.Min((long)left + right, int.MaxValue);
}

/// <summary>What the events of an organisation add up to.</summary>
public sealed record OrganizationState
{
    /// <summary>Before the first event.</summary>
    public static OrganizationState None { get; } = new();

    /// <summary>Where it is, leaving out what suspends it.</summary>
    public OrganizationStatus Stage { get; init; }

    public string Domain { get; init; } = "";
    public string Contact { get; init; } = "";
    public string Callback { get; init; } = "";
    public string Network { get; init; } = "";
    public string Challenge { get; init; } = "";
    public ImmutableList<OrganizationProof> Proofs { get; init; } = [];

    /// <summary>When the stage ends: by lapsing, and the waiting period by being over.</summary>
    public DateTimeOffset? Until { get; init; }

    public OrganizationTrust Trust { get; init; }

    /// <summary>Before that there is no promotion.</summary>
    public DateTimeOffset? ReviewFrom { get; init; }

    public ImmutableList<OrganizationHold> Holds { get; init; } = [];

    /// <summary>Agreements in force, as last reported.</summary>
    public int Agreements { get; init; }

    /// <summary>The last day with a proposal.</summary>
    public DateOnly? AdmittedOn { get; init; }

    /// <summary>The proposals of that day, in order.</summary>
    public ImmutableList<string> Admitted { get; init; } = [];

    /// <summary>What came since trust began or last fell, but for the last day.</summary>
    public HistoryCounts Before { get; init; } = HistoryCounts.Zero;

    /// <summary>Days with messages among those.</summary>
    public int DaysBefore { get; init; }

    public DateOnly? LastDay { get; init; }

    /// <summary>What came on the last day.</summary>
    public HistoryCounts Last { get; init; } = HistoryCounts.Zero;

    [JsonIgnore]
    public OrganizationStatus Status => Stage == OrganizationStatus.Verified && !Holds.IsEmpty ? OrganizationStatus.Suspended : Stage;

    /// <summary>Whether agreements with it may come into force and hold. One that an operator imported may be with somebody who never made contact.</summary>
    [JsonIgnore]
    public bool MayForward => Status is OrganizationStatus.Verified or OrganizationStatus.None;

    /// <summary>The history that trust is decided by.</summary>
    [JsonIgnore]
    public HistoryCounts History => Before + Last;

    /// <summary>Days with messages in it.</summary>
    [JsonIgnore]
    public int HistoryDays => DaysBefore + (Last.Messages > 0 ? 1 : 0);

    /// <summary>Proposals that were let through on a day.</summary>
    public int AdmittedDuring(DateOnly day) => AdmittedOn == day ? Admitted.Count : 0;
}
