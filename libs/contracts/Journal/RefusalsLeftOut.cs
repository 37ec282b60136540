namespace Mailkey.Contracts.Journal;

/// <summary>
/// More transactions of one client network were refused within a minute than the journal takes. It stands in the life of the last
/// one that was taken; of those behind it there is only this number.
/// </summary>
[JournalEvent("refusals-left-out")]
public sealed record RefusalsLeftOut
{
    /// <summary>The network in CIDR form; empty for several, when refusals come from more networks than are counted one by one.</summary>
    public required string Network { get; init; }

    public required long Count { get; init; }

    /// <summary>When the minute began.</summary>
    public required DateTimeOffset Since { get; init; }
}
