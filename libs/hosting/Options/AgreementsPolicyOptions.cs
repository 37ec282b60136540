using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>What the operator decides beforehand about organisations that forward, and about agreements with them.</summary>
public sealed class AgreementsPolicyOptions
{
    [Range(1, 1_000_000), Description("Messages a day that an agreement may be about at most.")]
    public int MaxRate { get; set; } = 10_000;

    [Range(1, long.MaxValue), Description("Octets of a message that an agreement may be about at most.")]
    public long MaxSize { get; set; } = 50L << 20;

    [Description("Whether an agreement may leave blocklists out.")]
    public bool AllowDnsblSkip { get; set; } = true;

    [Description("Whether an agreement may ignore SPF.")]
    public bool AllowSpfIgnore { get; set; } = true;

    [Description("Time in which a forwarder must prove that a proposal is its own.")]
    public TimeSpan ProofPeriod { get; set; } = TimeSpan.FromDays(3);

    [Description("Time in which the user must have answered.")]
    public TimeSpan ConsentPeriod { get; set; } = TimeSpan.FromDays(14);

    [Description("Time in which an operator must have approved, an agreement or an organisation.")]
    public TimeSpan ApprovalPeriod { get; set; } = TimeSpan.FromDays(30);

    [Description("Time in which other terms must be accepted.")]
    public TimeSpan TermsPeriod { get; set; } = TimeSpan.FromDays(14);

    [Description("Time that a credential stays good after the next one was issued.")]
    public TimeSpan CredentialOverlap { get; set; } = TimeSpan.FromDays(7);

    [Range(1, 10_000), Description("Questions for consent to one user on one day (UTC), over all forwarders.")]
    public int ConsentRequestsPerDay { get; set; } = 5;

    [Range(1, 10_000), Description("Questions to one user that wait for an answer at the same time, over all forwarders.")]
    public int ConsentRequestsWaiting { get; set; } = 20;

    [Description("Categories in which a forwarder's evidence of a consent is taken for one; none by default.")]
    public List<string> EvidenceCategories { get; set; } = [];

    [Description("Categories of agreements that an operator has to approve.")]
    public List<string> ApprovalCategories { get; set; } = [];

    [Description("Domains of forwarders whose agreements an operator has to approve.")]
    public List<string> ApprovalForwarders { get; set; } = [];

    [Description("Accounts whose agreements an operator has to approve.")]
    public List<string> ApprovalUsers { get; set; } = [];

    [Range(0, 101), Description("Risk, 0 to 100, from which on an operator has to approve an agreement; 101: never.")]
    public int ApprovalRisk { get; set; } = 101;

    [Description("Shortest probation of an agreement: few and small messages, and every check.")]
    public TimeSpan ProbationPeriod { get; set; } = TimeSpan.FromDays(14);

    [Range(1, 1_000_000), Description("Messages a day of an agreement on probation.")]
    public int ProbationRate { get; set; } = 20;

    [Range(1, long.MaxValue), Description("Octets of a message of an agreement on probation.")]
    public long ProbationSize { get; set; } = 5L << 20;

    [Description("Whether an agreement is suspended when somebody else uses the address that was made for its forwarder. That somebody is refused in any case, and user and forwarder are told; suspending lets anybody who has the address stop the user's mail.")]
    public bool SuspendOnAddressLeak { get; set; }

    [Range(1, 3650), Description("Days from one alarm to the next about signed messages of an agreement that somebody sends again and again. Each alarm stands in the history of the agreement, and the forwarder is told.")]
    public int ReplayAlarmDays { get; set; } = 7;

    [Description("Time in which an organisation that made contact must have given both proofs, of its key and of its DNS.")]
    public TimeSpan ContactPeriod { get; set; } = TimeSpan.FromDays(7);

    [Description("Time that must pass after the proofs of an organisation before it may propose.")]
    public TimeSpan WaitingPeriod { get; set; } = TimeSpan.FromDays(1);

    [Description("Whether an operator has to let each organisation in.")]
    public bool OrganizationsNeedApproval { get; set; }

    [Range(1, 100_000), Description("First contacts of organisations from one network (/24, /48) on one day.")]
    public int ContactsPerNetwork { get; set; } = 3;

    [Range(1, 1_000_000), Description("First contacts of organisations on one day.")]
    public int ContactsPerDay { get; set; } = 100;

    [Range(1, 1_000_000), Description("Proposals of one organisation on one day, while it is on probation.")]
    public int ProposalsInProbation { get; set; } = 50;

    [Range(1, 10_000_000), Description("Proposals of one organisation on one day, once it is established.")]
    public int ProposalsPerDay { get; set; } = 5_000;

    [Range(1, 10_000_000), Description("Proposals from one network (/24, /48) on one day, whoever makes them.")]
    public int ProposalsPerNetwork { get; set; } = 5_000;

    [Range(1, 10_000_000), Description("Agreements that an organisation on probation may have in force.")]
    public int AgreementsInProbation { get; set; } = 200;

    [Description("Shortest probation of an organisation.")]
    public TimeSpan OrganizationProbation { get; set; } = TimeSpan.FromDays(30);
}
