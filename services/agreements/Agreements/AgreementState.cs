using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Agreements;

/// <summary>What became of a version of the terms.</summary>
[JsonConverter(typeof(KebabCase<TermsStanding>))]
public enum TermsStanding
{
    /// <summary>What will bind when the agreement comes into force.</summary>
    Offered,

    /// <summary>What binds.</summary>
    Binding,

    /// <summary>Waits for acceptance.</summary>
    Pending,

    /// <summary>Another one took its place.</summary>
    Superseded,
    Declined,
    Withdrawn,
    Lapsed,

    /// <summary>Was offered or bound when the agreement ended.</summary>
    Ended,
}

/// <summary>One version of the terms. None is ever forgotten.</summary>
public sealed record TermsVersion(int Number, Terms Terms, Party By, TermsStanding Standing);

/// <summary>Terms that wait for acceptance.</summary>
public sealed record PendingTerms(int Version, Party By, ImmutableList<Party> Awaits, DateTimeOffset AnswerBy);

/// <summary>Which terms the user consented to, and the hash of the text that was shown; the proof itself is in the history.</summary>
public sealed record ConsentedVersion(int Version, string TextHash);

/// <summary>A way to log in.</summary>
/// <param name="Ends">When it stops being good, because a newer one took its place; null: not yet.</param>
public sealed record AgreementCredential(string Id, DateTimeOffset? Ends);

/// <summary>Complaints of a kind since the last suspension.</summary>
public sealed record ComplaintCount(ComplaintClass Class, ComplaintScope Scope, int Count);

/// <summary>Misuse of a kind since the last suspension.</summary>
public sealed record MisuseCount(MisuseKind Kind, int Count);

/// <summary>What came since probation began.</summary>
/// <param name="Messages">Messages of all days.</param>
/// <param name="Days">Days with messages.</param>
/// <param name="LastDay">The last of them.</param>
/// <param name="LastDayMessages">Its messages.</param>
public sealed record TrafficHistory(int Messages, int Days, DateOnly? LastDay, int LastDayMessages)
{
    public static TrafficHistory Empty { get; } = new(0, 0, null, 0);

    /// <summary>Messages of an average day before a day; 0 when there was none.</summary>
    public int AverageBefore(DateOnly day)
    {
        var (messages, days) = LastDay == day ? (Messages - LastDayMessages, Days - 1) : (Messages, Days);
        return days <= 0 ? 0 : messages / days;
    }

    /// <summary>With the messages of a day that is not before the last one.</summary>
    public TrafficHistory With(DateOnly day, int messages) => LastDay == day
        ? this with { Messages = Sum(Messages - LastDayMessages, messages), LastDayMessages = messages }
        : new(Sum(Messages, messages), Days + 1, day, messages);

    private static int Sum(int one, int other) => (int)Math.Min((long)one + other, int.MaxValue);
}

/// <summary>What the events of an agreement add up to.</summary>
public sealed record AgreementState
{
    /// <summary>Before the first event.</summary>
    public static AgreementState None { get; } = new();

    public AgreementPhase Phase { get; init; }

    /// <summary>The phase in which it expired.</summary>
    public AgreementPhase? ExpiredIn { get; init; }

    public string Forwarder { get; init; } = "";
    public string Recipient { get; init; } = "";
    public string Account { get; init; } = "";
    public string Category { get; init; } = "";
    public string Subscription { get; init; } = "";
    public string? DisplayName { get; init; }
    public ImmutableList<AgreementMethod> Methods { get; init; } = [];
    public ConsentEvidence? Evidence { get; init; }

    /// <summary>Every version of the terms, in order; number n is at n - 1.</summary>
    public ImmutableList<TermsVersion> Versions { get; init; } = [];

    /// <summary>The version that binds, or will when the agreement comes into force; 0 before the first.</summary>
    public int Version { get; init; }

    public PendingTerms? Pending { get; init; }

    /// <summary>Every version that the user consented to.</summary>
    public ImmutableList<ConsentedVersion> Consents { get; init; } = [];

    /// <summary>The questions to the user that are out: version and hash of the text.</summary>
    public ImmutableList<ConsentedVersion> ConsentRequests { get; init; } = [];

    /// <summary>Why a person has to approve.</summary>
    public ImmutableList<string> Gates { get; init; } = [];

    /// <summary>When the phase ends by itself, before the agreement is in force.</summary>
    public DateTimeOffset? AnswerBy { get; init; }

    public int Resumptions { get; init; }

    /// <summary>Means something only in force.</summary>
    public TrustLevel Trust { get; init; }

    /// <summary>The limits while <see cref="Trust"/> is probation.</summary>
    public Probation? Probation { get; init; }

    public ImmutableList<Hold> Holds { get; init; } = [];
    public TrafficHistory Traffic { get; init; } = TrafficHistory.Empty;
    public ImmutableList<ComplaintCount> Complaints { get; init; } = [];
    public ImmutableList<MisuseCount> Misuse { get; init; } = [];

    /// <summary>What was reported already, in order, so that it counts once. A hash set would be written in another order by each process.</summary>
    public ImmutableList<string> Reports { get; init; } = [];

    public string? Address { get; init; }

    /// <summary>The address, when others were seen to use it; null again with a new one.</summary>
    public string? LeakedAddress { get; init; }

    /// <summary>The day (UTC) for which it was last told that others send its messages again; null: never.</summary>
    public DateOnly? Replayed { get; init; }

    public ImmutableList<AgreementCredential> Credentials { get; init; } = [];

    /// <summary>How many addresses and credentials there ever were; null for none.</summary>
    public int? Issued { get; init; }

    /// <summary>Where it is, as both sides are told.</summary>
    [JsonIgnore]
    public AgreementStatus Status => Phase switch
    {
        AgreementPhase.None => AgreementStatus.None,
        AgreementPhase.Proposed => AgreementStatus.Proposed,
        AgreementPhase.AwaitingProof => AgreementStatus.AwaitingProof,
        AgreementPhase.AwaitingConsent => AgreementStatus.AwaitingConsent,
        AgreementPhase.AwaitingApproval => AgreementStatus.AwaitingApproval,
        AgreementPhase.Refused => AgreementStatus.Refused,
        AgreementPhase.Revoked => AgreementStatus.Revoked,
        AgreementPhase.Expired => AgreementStatus.Expired,
        _ when Holds.Count > 0 => AgreementStatus.Suspended,
        _ when Pending is not null => AgreementStatus.Renegotiating,
        _ => Trust == TrustLevel.Probation ? AgreementStatus.ActiveProbation : AgreementStatus.ActiveEstablished,
    };

    /// <summary>The terms that are agreed on or offered; null before there are any.</summary>
    [JsonIgnore]
    public Terms? Terms => Version == 0 ? null : Versions[Version - 1].Terms;

    /// <summary>What holds for a transaction at this moment; null when the agreement holds for none.</summary>
    public Terms? TermsInForce(DateTimeOffset now) =>
        Phase != AgreementPhase.InForce || Holds.Count > 0 || Terms is not { } terms || terms.Expires <= now ? null
        : Trust == TrustLevel.Established ? terms
        : Probation is { } probation ? terms.During(probation)
        : null;
}
