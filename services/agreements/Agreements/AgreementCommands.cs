using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Agreements;

/// <summary>Something that somebody wants of an agreement.</summary>
public abstract record AgreementCommand(Actor Actor);

/// <summary>Asks for an agreement. Whoever passes it on has found the recipient's account, and admission by the organisation.</summary>
public sealed record Propose(Actor Actor) : AgreementCommand(Actor)
{
    public required string Forwarder { get; init; }
    public required string Recipient { get; init; }
    public required string Account { get; init; }
    public required string Category { get; init; }
    public required string Subscription { get; init; }
    public string? DisplayName { get; init; }
    public required IReadOnlyList<AgreementMethod> Methods { get; init; }
    public required Terms Terms { get; init; }
    public ConsentEvidence? Evidence { get; init; }
}

/// <summary>Asks the forwarder for proofs.</summary>
public sealed record RequestProof(Actor Actor, IReadOnlyList<ProofKind> Proofs) : AgreementCommand(Actor);

/// <summary>The proofs are good.</summary>
public sealed record AcceptProof(Actor Actor, IReadOnlyList<ProofKind> Proofs) : AgreementCommand(Actor);

/// <summary>A proof is wrong, not merely missing.</summary>
public sealed record RejectProof(Actor Actor, string Reason) : AgreementCommand(Actor);

/// <summary>Asks the user.</summary>
/// <param name="Text">The question, as it will be shown.</param>
/// <param name="Load">What this user is asked besides, over all forwarders.</param>
public sealed record RequestConsent(Actor Actor, int Version, string Text, ConsentLoad Load) : AgreementCommand(Actor);

/// <summary>The user says yes.</summary>
/// <param name="Risk">How suspicious the whole looks, 0 to 100.</param>
public sealed record GiveConsent(Actor Actor, int Version, ConsentAnswer Answer, int Risk) : AgreementCommand(Actor);

/// <summary>Takes the forwarder's evidence for a consent, where the operator's policy does.</summary>
public sealed record AcceptConsentEvidence(Actor Actor, int Risk) : AgreementCommand(Actor);

/// <summary>The user says no.</summary>
public sealed record RefuseConsent(Actor Actor, string? Reason) : AgreementCommand(Actor);

/// <summary>A person approves.</summary>
public sealed record Approve(Actor Actor, int Version, string? Note) : AgreementCommand(Actor);

/// <summary>A person does not approve.</summary>
public sealed record Disapprove(Actor Actor, string Reason) : AgreementCommand(Actor);

/// <summary>Asks for other terms.</summary>
/// <param name="Answer">The user's consent, when the user asks for terms that grant more.</param>
public sealed record ProposeTerms(Actor Actor, Terms Terms, ConsentAnswer? Answer) : AgreementCommand(Actor);

/// <summary>Accepts the terms that are proposed.</summary>
/// <param name="Answer">The user's consent; needed when the user accepts.</param>
public sealed record AcceptTerms(Actor Actor, int Version, ConsentAnswer? Answer) : AgreementCommand(Actor);

/// <summary>Does not accept them.</summary>
public sealed record DeclineTerms(Actor Actor, int Version, string? Reason) : AgreementCommand(Actor);

/// <summary>Takes back what the same side proposed.</summary>
public sealed record WithdrawTerms(Actor Actor, int Version) : AgreementCommand(Actor);

/// <summary>Gives the forwarder a unique address.</summary>
/// <param name="Replaces">The address that it takes the place of; null for the first.</param>
public sealed record AssignAddress(Actor Actor, string Address, string? Replaces) : AgreementCommand(Actor);

/// <summary>Gives the forwarder a credential; the one before it stays good for a while.</summary>
public sealed record IssueCredential(Actor Actor, string CredentialId) : AgreementCommand(Actor);

/// <summary>Takes a credential away.</summary>
public sealed record WithdrawCredential(Actor Actor, string CredentialId) : AgreementCommand(Actor);

/// <summary>Reports what came on a day; a later report of the same day counts if it is higher.</summary>
public sealed record RecordTraffic(Actor Actor, DateOnly Day, int Messages) : AgreementCommand(Actor);

/// <summary>The user complains.</summary>
public sealed record Complain(Actor Actor, ComplaintScope Scope, ComplaintClass Class, string Reference) : AgreementCommand(Actor);

/// <summary>Reports misuse.</summary>
public sealed record ReportMisuse(Actor Actor, MisuseKind Kind, string Reference) : AgreementCommand(Actor);

/// <summary>Looks whether the history is good enough.</summary>
public sealed record ReviewTrust(Actor Actor) : AgreementCommand(Actor);

/// <summary>Takes trust away.</summary>
public sealed record Demote(Actor Actor) : AgreementCommand(Actor);

/// <summary>The user wants nothing of it for now.</summary>
public sealed record Pause(Actor Actor) : AgreementCommand(Actor);

/// <summary>The user wants it again.</summary>
public sealed record Resume(Actor Actor) : AgreementCommand(Actor);

/// <summary>Holds it back.</summary>
public sealed record Suspend(Actor Actor, string Reason) : AgreementCommand(Actor);

/// <summary>Lifts what holds it back.</summary>
public sealed record LiftSuspension(Actor Actor, Hold Hold) : AgreementCommand(Actor);

/// <summary>Looks at the clock.</summary>
public sealed record CheckDeadlines(Actor Actor) : AgreementCommand(Actor);

/// <summary>Goes on with a negotiation that nobody went on with in time.</summary>
public sealed record Reopen(Actor Actor) : AgreementCommand(Actor);

/// <summary>Ends it: unsubscribes, revokes, withdraws.</summary>
public sealed record End(Actor Actor, string? Reason) : AgreementCommand(Actor);
