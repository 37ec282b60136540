namespace Mailkey.Contracts.Agreements;

/// <summary>
/// How many messages one process has accepted under agreements. Counts only grow, so that a report that comes twice, or late, changes nothing.
/// </summary>
public sealed record AgreementsUsed
{
    /// <summary>The process that counted, unique for each of its starts.</summary>
    public required string Source { get; init; }

    public required IReadOnlyList<AgreementUse> Uses { get; init; }
}

/// <summary>What one process has accepted under one agreement on one day.</summary>
public sealed record AgreementUse
{
    public required string AgreementId { get; init; }

    /// <summary>Of UTC.</summary>
    public required DateOnly Day { get; init; }

    /// <summary>Messages of that day so far.</summary>
    public required int Messages { get; init; }
}
