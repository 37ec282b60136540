using System.Text.Json.Serialization;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Agreements;

/// <summary>Where an agreement is, as it is told to both sides.</summary>
[JsonConverter(typeof(KebabCase<AgreementStatus>))]
public enum AgreementStatus
{
    /// <summary>There is none.</summary>
    None,
    Proposed,
    AwaitingProof,
    AwaitingConsent,
    AwaitingApproval,

    /// <summary>In force, with low limits and every check.</summary>
    ActiveProbation,

    /// <summary>In force, with its terms.</summary>
    ActiveEstablished,

    /// <summary>In force, while other terms wait for acceptance.</summary>
    Renegotiating,

    /// <summary>Held back: by the user's pause, complaints, misuse, an operator.</summary>
    Suspended,

    /// <summary>Never came into force, because somebody said no.</summary>
    Refused,

    /// <summary>Ended by one of its sides.</summary>
    Revoked,

    /// <summary>Ended by time; a negotiation that nobody went on with can be resumed.</summary>
    Expired,
}

/// <summary>How far an agreement came. <see cref="AgreementStatus"/> adds to it what holds back and what is negotiated.</summary>
[JsonConverter(typeof(KebabCase<AgreementPhase>))]
public enum AgreementPhase
{
    None,
    Proposed,
    AwaitingProof,
    AwaitingConsent,
    AwaitingApproval,
    InForce,
    Refused,
    Revoked,
    Expired,
}

/// <summary>How much an agreement in force is trusted.</summary>
[JsonConverter(typeof(KebabCase<TrustLevel>))]
public enum TrustLevel
{
    Probation,
    Established,
}

/// <summary>The sides that terms are agreed between.</summary>
[JsonConverter(typeof(KebabCase<Party>))]
public enum Party
{
    User,
    Forwarder,
    Operator,

    /// <summary>This system, on behalf of the receiver.</summary>
    System,
}

/// <summary>How the forwarder says which agreement a transaction uses.</summary>
[JsonConverter(typeof(KebabCase<AgreementMethod>))]
public enum AgreementMethod
{
    /// <summary>It logs in.</summary>
    Auth,

    /// <summary>It names the agreement, authenticated by its own domain.</summary>
    Reference,

    /// <summary>It uses an address that only it knows, authenticated by its own domain.</summary>
    Address,
}

/// <summary>What proved that the proposal comes from the forwarder.</summary>
[JsonConverter(typeof(KebabCase<ProofKind>))]
public enum ProofKind
{
    /// <summary>The organisation has been verified before.</summary>
    Organization,

    /// <summary>The request was signed under the organisation's mailkey set.</summary>
    RequestSignature,

    /// <summary>The forwarder confirmed, when asked at its own address, that it has the recipe.</summary>
    Recipe,
}

/// <summary>What holds an agreement back. Several may at once.</summary>
[JsonConverter(typeof(KebabCase<Hold>))]
public enum Hold
{
    /// <summary>The user's pause.</summary>
    Pause,
    Complaints,
    Misuse,

    /// <summary>The unique address is known to others, and the operator has that suspend; a new one lifts it.</summary>
    AddressLeak,
    Operator,

    /// <summary>The whole organisation is suspended.</summary>
    Organization,
}

/// <summary>What a complaint is about.</summary>
[JsonConverter(typeof(KebabCase<ComplaintScope>))]
public enum ComplaintScope
{
    /// <summary>One message is unwanted; what it came with is not.</summary>
    Message,

    /// <summary>All that comes under the agreement.</summary>
    Series,
}

/// <summary>What is wrong with it.</summary>
[JsonConverter(typeof(KebabCase<ComplaintClass>))]
public enum ComplaintClass
{
    Content,
    UnsubscribeIgnored,
    NoOptIn,
    ForgedIdentity,
}

/// <summary>What a forwarder did that its agreement does not cover.</summary>
[JsonConverter(typeof(KebabCase<MisuseKind>))]
public enum MisuseKind
{
    /// <summary>It named the agreement of another forwarder.</summary>
    ForeignReference,

    /// <summary>It named its own agreement for another recipient or list.</summary>
    WrongReference,

    /// <summary>Somebody else used the unique address, whoever let it out.</summary>
    AddressUsedByAnother,

    /// <summary>Far more messages than before.</summary>
    SuddenVolume,

    /// <summary>Somebody sent a signed message of it again and again, whoever that was.</summary>
    MessageReplayed,
}

/// <summary>How a user consented.</summary>
[JsonConverter(typeof(KebabCase<ConsentMeans>))]
public enum ConsentMeans
{
    Portal,
    MailLink,
    MailReply,

    /// <summary>The forwarder showed when and how the user had subscribed, and the operator accepts that for the category.</summary>
    ForwarderEvidence,

    /// <summary>The operator entered what was agreed on before.</summary>
    OperatorImport,
}

/// <summary>Why trust fell.</summary>
[JsonConverter(typeof(KebabCase<DemotionReason>))]
public enum DemotionReason
{
    Complaints,
    AfterSuspension,
    Operator,
}

/// <summary>Who or what said no.</summary>
[JsonConverter(typeof(KebabCase<RefusedBy>))]
public enum RefusedBy
{
    User,
    Operator,
    Proof,
}
