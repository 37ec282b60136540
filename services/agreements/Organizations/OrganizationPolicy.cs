using Mailkey.Agreements.Agreements;

namespace Mailkey.Agreements.Organizations;

/// <summary>
/// How hard it is to become somebody here. A bus full of machines and a certificate are cheap; a domain with DNS and keys that stays the same
/// for days, and users who say yes, are less so.
/// </summary>
public sealed record OrganizationPolicy
{
    public static OrganizationPolicy Default { get; } = new();

    /// <summary>Time in which both proofs must be there.</summary>
    public TimeSpan ProofPeriod { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Time that must pass after the proofs.</summary>
    public TimeSpan WaitingPeriod { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Whether a person has to let each one in.</summary>
    public bool NeedsApproval { get; init; }

    /// <summary>Time in which a person must have done so.</summary>
    public TimeSpan ApprovalPeriod { get; init; } = TimeSpan.FromDays(30);

    /// <summary>First contacts from one network on one day.</summary>
    public int ContactsPerNetwork { get; init; } = 3;

    /// <summary>First contacts on one day.</summary>
    public int ContactsPerDay { get; init; } = 100;

    /// <summary>Proposals of one organisation on one day, while it is on probation.</summary>
    public int ProposalsInProbation { get; init; } = 50;

    /// <summary>Proposals of one organisation on one day, once it is established.</summary>
    public int ProposalsPerDay { get; init; } = 5_000;

    /// <summary>Agreements that an organisation on probation may have in force.</summary>
    public int AgreementsInProbation { get; init; } = 200;

    /// <summary>Proposals from one network on one day, whoever makes them.</summary>
    public int ProposalsPerNetwork { get; init; } = 5_000;

    /// <summary>What one user is asked, over all forwarders.</summary>
    public ConsentCaps ConsentCaps { get; init; } = new();

    /// <summary>Shortest probation.</summary>
    public TimeSpan ProbationPeriod { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Messages that must have come before trust rises.</summary>
    public int HistoryMessages { get; init; } = 500;

    /// <summary>Days on which they must have come.</summary>
    public int HistoryDays { get; init; } = 10;

    /// <summary>Complaints and observations of misuse, for a thousand messages, that a good history may have.</summary>
    public int ReportsPerThousand { get; init; } = 5;

    /// <summary>With fewer reports than this nothing is concluded from them.</summary>
    public int ReportsFloor { get; init; } = 5;

    /// <summary>Reports for a thousand messages from which on an organisation is suspended; an established one above <see cref="ReportsPerThousand"/> is demoted before.</summary>
    public int SuspendPerThousand { get; init; } = 50;
}
