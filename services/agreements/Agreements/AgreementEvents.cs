using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Agreements;

/// <summary>
/// Something that happened to an agreement. Who did it, in answer to what, and when, is in the envelope that the ledger adds. Names and
/// properties stay: what is added is optional, what changes its shape gets an upcaster.
/// </summary>
public abstract record AgreementEvent;

/// <summary>All events, for the ledger's catalog.</summary>
public static class AgreementEvents
{
    /// <summary>Name and type of each, in the order of life.</summary>
    public static IReadOnlyList<(string Name, Type Type)> All { get; } =
    [
        Named<AgreementProposed>(),
        Named<ProofRequested>(),
        Named<ProofAccepted>(),
        Named<ConsentRequested>(),
        Named<ConsentGiven>(),
        Named<ApprovalRequested>(),
        Named<ApprovalGiven>(),
        Named<AgreementActivated>(),
        Named<TermsProposed>(),
        Named<TermsAccepted>(),
        Named<TermsAgreed>(),
        Named<TermsDeclined>(),
        Named<TermsWithdrawn>(),
        Named<TermsLapsed>(),
        Named<AddressAssigned>(),
        Named<AddressLeaked>(),
        Named<CredentialIssued>(),
        Named<CredentialWithdrawn>(),
        Named<TrafficRecorded>(),
        Named<ComplaintReceived>(),
        Named<MisuseObserved>(),
        Named<MessageReplayed>(),
        Named<AgreementPromoted>(),
        Named<AgreementDemoted>(),
        Named<AgreementPaused>(),
        Named<AgreementResumed>(),
        Named<AgreementSuspended>(),
        Named<SuspensionLifted>(),
        Named<AgreementRefused>(),
        Named<AgreementExpired>(),
        Named<AgreementReopened>(),
        Named<AgreementRevoked>(),
    ];

    private static (string, Type) Named<T>()
        where T : AgreementEvent => (EventNameAttribute.Of(typeof(T)), typeof(T));
}

/// <summary>A forwarder, or somebody on its behalf, asked for an agreement. Its terms are version 1.</summary>
[EventName("agreement-proposed")]
public sealed record AgreementProposed : AgreementEvent
{
    /// <summary>Domain in its normal form.</summary>
    public required string Forwarder { get; init; }
    public required string Recipient { get; init; }

    /// <summary>The account that the recipient belongs to: who may consent and end.</summary>
    public required string Account { get; init; }
    public required string Category { get; init; }
    public required string Subscription { get; init; }
    public string? DisplayName { get; init; }
    public required IReadOnlyList<AgreementMethod> Methods { get; init; }
    public required Party By { get; init; }
    public required Terms Terms { get; init; }

    /// <summary>What the forwarder says about a consent that it got.</summary>
    public ConsentEvidence? Evidence { get; init; }

    /// <summary>Until when the proof must begin.</summary>
    public required DateTimeOffset AnswerBy { get; init; }
}

/// <summary>The forwarder is asked to prove that the proposal is its own.</summary>
[EventName("agreement-proof-requested")]
public sealed record ProofRequested(IReadOnlyList<ProofKind> Proofs, DateTimeOffset AnswerBy) : AgreementEvent;

/// <summary>The proposal is the forwarder's own.</summary>
/// <param name="AnswerBy">Until when the user must have consented.</param>
[EventName("agreement-proof-accepted")]
public sealed record ProofAccepted(IReadOnlyList<ProofKind> Proofs, DateTimeOffset AnswerBy) : AgreementEvent;

/// <summary>The user was asked.</summary>
/// <param name="Version">The terms that the question showed.</param>
/// <param name="TextHash">Of the question: SHA-256 in hexadecimal.</param>
[EventName("consent-requested")]
public sealed record ConsentRequested(int Version, string TextHash, DateTimeOffset AnswerBy) : AgreementEvent;

/// <summary>The user wants it, with these terms.</summary>
[EventName("consent-given")]
public sealed record ConsentGiven(int Version, Consent Consent) : AgreementEvent;

/// <summary>A person has to look at it, for these reasons: category, forwarder, user, risk.</summary>
[EventName("approval-requested")]
public sealed record ApprovalRequested(IReadOnlyList<string> Gates, DateTimeOffset AnswerBy) : AgreementEvent;

/// <summary>A person looked at it and found it good.</summary>
[EventName("approval-given")]
public sealed record ApprovalGiven(int Version, string? Note) : AgreementEvent;

/// <summary>In force from the next transaction, on probation.</summary>
[EventName("agreement-activated")]
public sealed record AgreementActivated(int Version, Probation Probation) : AgreementEvent;

/// <summary>Other terms are asked for. What binds goes on binding.</summary>
/// <param name="Awaits">Who must accept; nobody when they are accepted at once.</param>
/// <param name="AnswerBy">Until when.</param>
[EventName("terms-proposed")]
public sealed record TermsProposed(int Version, Terms Terms, Party By, IReadOnlyList<Party> Awaits, DateTimeOffset AnswerBy) : AgreementEvent;

/// <summary>One of those who must accept did.</summary>
[EventName("terms-accepted")]
public sealed record TermsAccepted(int Version, Party By) : AgreementEvent;

/// <summary>All accepted: these terms are the terms, and bind from the next transaction of an agreement in force.</summary>
[EventName("terms-agreed")]
public sealed record TermsAgreed(int Version) : AgreementEvent;

/// <summary>One of those who must accept did not; the old terms stay.</summary>
[EventName("terms-declined")]
public sealed record TermsDeclined(int Version, Party By, string? Reason) : AgreementEvent;

/// <summary>Who proposed the terms thought better of it.</summary>
[EventName("terms-withdrawn")]
public sealed record TermsWithdrawn(int Version) : AgreementEvent;

/// <summary>Nobody answered in time; the old terms stay.</summary>
[EventName("terms-lapsed")]
public sealed record TermsLapsed(int Version) : AgreementEvent;

/// <summary>The forwarder got an address of its own; an earlier one is void.</summary>
[EventName("address-assigned")]
public sealed record AddressAssigned(string Address, string? Replaces) : AgreementEvent;

/// <summary>Somebody else was seen to use the forwarder's address, and was refused. It is told once for each address.</summary>
/// <param name="Reference">Names the transaction.</param>
[EventName("address-leaked")]
public sealed record AddressLeaked(string Address, string Reference) : AgreementEvent;

/// <summary>The forwarder can log in for this agreement. The secret is no part of the history.</summary>
/// <param name="PreviousEnds">Until when the credential before this one is good.</param>
[EventName("credential-issued")]
public sealed record CredentialIssued(string CredentialId, DateTimeOffset? PreviousEnds) : AgreementEvent;

/// <summary>The credential is good for nothing any more.</summary>
[EventName("credential-withdrawn")]
public sealed record CredentialWithdrawn(string CredentialId) : AgreementEvent;

/// <summary>What came under the agreement on a day.</summary>
[EventName("traffic-recorded")]
public sealed record TrafficRecorded(DateOnly Day, int Messages) : AgreementEvent;

/// <summary>The user complained.</summary>
/// <param name="Reference">Names the message, or for a series the report, so that it counts once.</param>
[EventName("complaint-received")]
public sealed record ComplaintReceived(ComplaintScope Scope, ComplaintClass Class, string Reference) : AgreementEvent;

/// <summary>The forwarder, or somebody with its secrets, did what the agreement does not cover.</summary>
/// <param name="Reference">Names the transaction or the day, so that it counts once.</param>
[EventName("misuse-observed")]
public sealed record MisuseObserved(MisuseKind Kind, string Reference) : AgreementEvent;

/// <summary>
/// A signed message of the forwarder came again and again for the user, and was not taken as the forwarder's any more. Who sent it is not
/// known: anybody may send a message again that he got. It is told every now and then, however often it happens.
/// </summary>
/// <param name="Day">Of UTC.</param>
/// <param name="Reference">Names the transaction that was one too many.</param>
[EventName("message-replayed")]
public sealed record MessageReplayed(DateOnly Day, string Reference) : AgreementEvent;

/// <summary>The history is good: the terms act in full.</summary>
/// <param name="Messages">Messages of the history that decided it.</param>
/// <param name="Days">Days with messages.</param>
[EventName("agreement-promoted")]
public sealed record AgreementPromoted(int Messages, int Days) : AgreementEvent;

/// <summary>Back to probation; a new history begins.</summary>
[EventName("agreement-demoted")]
public sealed record AgreementDemoted(DemotionReason Reason, Probation Probation) : AgreementEvent;

/// <summary>The user wants nothing of it for now.</summary>
[EventName("agreement-paused")]
public sealed record AgreementPaused : AgreementEvent;

/// <summary>The user wants it again.</summary>
[EventName("agreement-resumed")]
public sealed record AgreementResumed : AgreementEvent;

/// <summary>Held back until somebody lifts it.</summary>
[EventName("agreement-suspended")]
public sealed record AgreementSuspended(Hold Hold, string Reason) : AgreementEvent;

/// <summary>What held it back does so no more.</summary>
[EventName("suspension-lifted")]
public sealed record SuspensionLifted(Hold Hold) : AgreementEvent;

/// <summary>It will not come into force.</summary>
[EventName("agreement-refused")]
public sealed record AgreementRefused(RefusedBy By, string? Reason) : AgreementEvent;

/// <summary>Its time is over: nobody went on with it (the phase says where), or its terms had an end (in force).</summary>
[EventName("agreement-expired")]
public sealed record AgreementExpired(AgreementPhase Phase) : AgreementEvent;

/// <summary>The negotiation goes on where it stopped.</summary>
[EventName("agreement-reopened")]
public sealed record AgreementReopened(AgreementPhase Phase, DateTimeOffset AnswerBy) : AgreementEvent;

/// <summary>Ended by one of its sides.</summary>
[EventName("agreement-revoked")]
public sealed record AgreementRevoked(Party By, string? Reason) : AgreementEvent;
