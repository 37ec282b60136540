namespace Mailkey.Agreements.Agreements;

/// <summary>What the operator decided beforehand. The deciders know nothing of where it comes from.</summary>
public sealed record AgreementPolicy
{
    public static AgreementPolicy Default { get; } = new();

    public TermsLimits Limits { get; init; } = new();

    /// <summary>Time in which the forwarder must prove itself.</summary>
    public TimeSpan ProofPeriod { get; init; } = TimeSpan.FromDays(3);

    /// <summary>Time in which the user must have answered.</summary>
    public TimeSpan ConsentPeriod { get; init; } = TimeSpan.FromDays(14);

    /// <summary>Time in which a person must have approved.</summary>
    public TimeSpan ApprovalPeriod { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Time in which other terms must be accepted.</summary>
    public TimeSpan TermsPeriod { get; init; } = TimeSpan.FromDays(14);

    /// <summary>Time that the credential before a new one stays good.</summary>
    public TimeSpan CredentialOverlap { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How often the user is asked about one agreement.</summary>
    public int ConsentRequests { get; init; } = 2;

    /// <summary>How often a negotiation that lapsed is resumed.</summary>
    public int Resumptions { get; init; } = 3;

    public ConsentCaps ConsentCaps { get; init; } = new();

    /// <summary>Categories in which the forwarder's evidence of a consent is taken for one. None by default.</summary>
    public IReadOnlySet<string> EvidenceCategories { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    public ApprovalGates Approval { get; init; } = new();

    /// <summary>Whether terms of the forwarder that grant it less bind at once; else the user accepts them too.</summary>
    public bool LesserTermsBindAtOnce { get; init; } = true;

    public TrustPolicy Trust { get; init; } = new();
}

/// <summary>What one user is asked at most, over all forwarders: many proposals must not become a flood of questions.</summary>
public sealed record ConsentCaps
{
    /// <summary>Questions on one day (UTC).</summary>
    public int PerDay { get; init; } = 5;

    /// <summary>Questions that wait for an answer at the same time.</summary>
    public int Waiting { get; init; } = 20;

    /// <summary>Whether another question is too many.</summary>
    public bool AreReachedBy(ConsentLoad load) => load.Today >= PerDay || load.Waiting >= Waiting;
}

/// <summary>What one user has been asked, over all forwarders.</summary>
/// <param name="Today">Questions of this day (UTC).</param>
/// <param name="Waiting">Questions without an answer.</param>
public sealed record ConsentLoad(int Today, int Waiting);

/// <summary>When a person has to look at an agreement before it comes into force.</summary>
public sealed record ApprovalGates
{
    public const string Category = "category";
    public const string Forwarder = "forwarder";
    public const string User = "user";
    public const string Risk = "risk";

    public IReadOnlySet<string> Categories { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Domains in their normal form.</summary>
    public IReadOnlySet<string> Forwarders { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Accounts.</summary>
    public IReadOnlySet<string> Users { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>From this risk on, 0 to 100; above 100: never.</summary>
    public int RiskFrom { get; init; } = 101;

    /// <summary>The gates that an agreement has to go through.</summary>
    public IReadOnlyList<string> For(AgreementState state, int risk)
    {
        var gates = new List<string>();
        AddIf(Categories.Contains(state.Category), Category);
        AddIf(Forwarders.Contains(state.Forwarder), Forwarder);
        AddIf(Users.Contains(state.Account), User);
        AddIf(risk >= RiskFrom, Risk);
        return gates;

        void AddIf(bool condition, string gate)
        {
            if (condition)
            {
                gates.Add(gate);
            }
        }
    }
}

/// <summary>How trust is won and lost.</summary>
public sealed record TrustPolicy
{
    /// <summary>Messages a day during probation.</summary>
    public int ProbationRate { get; init; } = 20;

    /// <summary>Octets of a message during probation.</summary>
    public long ProbationSize { get; init; } = 5L << 20;

    /// <summary>Shortest probation.</summary>
    public TimeSpan ProbationPeriod { get; init; } = TimeSpan.FromDays(14);

    /// <summary>Messages that must have come before trust rises.</summary>
    public int HistoryMessages { get; init; } = 10;

    /// <summary>Days on which they must have come.</summary>
    public int HistoryDays { get; init; } = 3;

    /// <summary>Complaints and observations of misuse, for a thousand messages, that a good history may have.</summary>
    public int ReportsPerThousand { get; init; } = 20;

    /// <summary>A day that has this many times the average of the days before is sudden volume.</summary>
    public int VolumeFactor { get; init; } = 10;

    /// <summary>A day with fewer messages never is.</summary>
    public int VolumeFloor { get; init; } = 50;

    /// <summary>What complaints lead to. A pair that is not listed is only counted.</summary>
    public IReadOnlyList<ComplaintStep> Complaints { get; init; } =
    [
        // One bad issue of a newsletter is no reason to lose it; one that was never ordered is.
        new(ComplaintClass.Content, ComplaintScope.Message, At: 3, DemoteFirst: true),
        new(ComplaintClass.Content, ComplaintScope.Series, At: 1, DemoteFirst: false),
        new(ComplaintClass.UnsubscribeIgnored, ComplaintScope.Message, At: 1, DemoteFirst: true),
        new(ComplaintClass.UnsubscribeIgnored, ComplaintScope.Series, At: 1, DemoteFirst: false),
        new(ComplaintClass.NoOptIn, ComplaintScope.Message, At: 1, DemoteFirst: false),
        new(ComplaintClass.NoOptIn, ComplaintScope.Series, At: 1, DemoteFirst: false),
        new(ComplaintClass.ForgedIdentity, ComplaintScope.Message, At: 1, DemoteFirst: false),
        new(ComplaintClass.ForgedIdentity, ComplaintScope.Series, At: 1, DemoteFirst: false),
    ];

    /// <summary>How often each kind of misuse is borne before the agreement is suspended: 1 suspends at the first.</summary>
    public IReadOnlyDictionary<MisuseKind, int> Misuse { get; init; } = new Dictionary<MisuseKind, int>
    {
        [MisuseKind.ForeignReference] = 1,
        [MisuseKind.WrongReference] = 5,
        [MisuseKind.SuddenVolume] = 1,
    };

    /// <summary>Whether an agreement is suspended when somebody else uses its unique address; else that is an alarm and no more.</summary>
    public bool SuspendsOnLeak { get; init; }

    /// <summary>Days from one alarm about messages that others send again to the next, of one agreement.</summary>
    public int ReplayAlarmDays { get; init; } = 7;

    /// <summary>The limits of a probation that begins now.</summary>
    public Probation BeginProbation(DateTimeOffset now) => new(ProbationRate, ProbationSize, (now + ProbationPeriod).ToUniversalTime());
}

/// <summary>What complaints of a kind lead to.</summary>
/// <param name="At">How many it takes, counted since trust last fell.</param>
/// <param name="DemoteFirst">Whether an established agreement goes back to probation; else, and from probation, it is suspended.</param>
public sealed record ComplaintStep(ComplaintClass Class, ComplaintScope Scope, int At, bool DemoteFirst);
