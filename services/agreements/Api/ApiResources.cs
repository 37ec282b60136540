using System.Text.Json;
using System.Text.Json.Serialization;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Organizations;

namespace Mailkey.Agreements.Api;

/// <summary>Where an organisation can be reached.</summary>
/// <param name="Contact">Mail address of its postmaster.</param>
/// <param name="Callback">HTTPS address that is told what happens to its agreements.</param>
public sealed record ContactRequest(string Contact, string Callback);

/// <summary>An organisation, as it and operators see it.</summary>
/// <param name="MissingProofs">What it still has to prove.</param>
/// <param name="Challenge">The TXT record that proves the domain; null when nothing is to be proven.</param>
/// <param name="Until">When the stage ends: by lapsing, and a waiting period by being over.</param>
public sealed record OrganizationResource(
    string Domain,
    OrganizationStatus Status,
    string Contact,
    string Callback,
    IReadOnlyList<OrganizationProof> Proofs,
    IReadOnlyList<OrganizationProof> MissingProofs,
    ChallengeResource? Challenge,
    DateTimeOffset? Until,
    IReadOnlyList<OrganizationHold> Holds,
    OrganizationStanding Standing,
    long Version);

/// <summary>A TXT record to be published.</summary>
public sealed record ChallengeResource(string Name, string Text);

/// <summary>A list of organisations.</summary>
/// <param name="Next">For <c>after</c>; null: that was all.</param>
public sealed record OrganizationList(IReadOnlyList<OrganizationResource> Items, string? Next);

/// <summary>Asks for an agreement.</summary>
/// <param name="Forwarder">The domain of the organisation that forwards. A forwarder may leave it out: it is its own.</param>
/// <param name="Subscription">List-Id, or the forwarder's name of its recipe.</param>
/// <param name="Evidence">What the forwarder says about a consent that it got.</param>
public sealed record ProposalRequest(
    string Recipient,
    string Category,
    string Subscription,
    IReadOnlyList<AgreementMethod> Methods,
    Terms Terms,
    string? DisplayName = null,
    string? Forwarder = null,
    ConsentEvidence? Evidence = null);

/// <summary>An agreement, as the one who asks may see it.</summary>
/// <param name="State">Where it is.</param>
/// <param name="Terms">What is agreed on, or offered.</param>
/// <param name="TermsInForce">What holds for a message now; null when nothing does.</param>
/// <param name="Versions">Every version of the terms there ever was.</param>
/// <param name="WaitsFor">Who or what is to act next: <c>proof</c>, <c>consent</c>, <c>approval</c>, or sides that have to accept terms.</param>
/// <param name="AddressLeaked">Whether somebody else was seen to use the address.</param>
/// <param name="Account">Whose mail it is; only for users and operators.</param>
/// <param name="Version">Grows with each event.</param>
public sealed record AgreementResource(
    string Id,
    AgreementStatus State,
    string Forwarder,
    string Recipient,
    string Category,
    string Subscription,
    string? DisplayName,
    IReadOnlyList<AgreementMethod> Methods,
    Terms? Terms,
    Terms? TermsInForce,
    int TermsVersion,
    IReadOnlyList<TermsVersion> Versions,
    PendingTerms? Pending,
    IReadOnlyList<string> WaitsFor,
    DateTimeOffset? AnswerBy,
    TrustLevel? Trust,
    Probation? Probation,
    IReadOnlyList<Hold> Holds,
    string? Address,
    bool AddressLeaked,
    IReadOnlyList<AgreementCredential> Credentials,
    string? Account,
    IReadOnlyList<string>? Gates,
    long Version);

/// <summary>A list of agreements.</summary>
/// <param name="Next">For <c>after</c>; null: that was all.</param>
public sealed record AgreementList(IReadOnlyList<AgreementResource> Items, string? Next);

/// <summary>Digest of all agreements of a forwarder that have not ended, to be compared with that of its recipes.</summary>
/// <param name="Whole">SHA-256 in hexadecimal over the number and the buckets.</param>
/// <param name="Buckets">Sixteen digests; only entries of buckets that differ have to be compared.</param>
public sealed record DigestResource(int Count, string Whole, IReadOnlyList<string> Buckets);

/// <summary>Asks for other terms, or answers to those that others asked for.</summary>
/// <param name="Terms">The terms asked for.</param>
/// <param name="Text">A user who asks for terms that grant more consents with it: the text that was shown.</param>
public sealed record TermsRequest(Terms Terms, string? Text = null);

/// <summary>What one side says to the terms that are proposed.</summary>
[JsonConverter(typeof(KebabCase<TermsAnswer>))]
public enum TermsAnswer
{
    Accept,
    Decline,
    Withdraw,
}

/// <summary>An answer to proposed terms.</summary>
/// <param name="Text">A user who accepts consents with it: the text that was shown.</param>
public sealed record TermsAnswerRequest(TermsAnswer Answer, string? Reason = null, string? Text = null);

/// <summary>What users and operators decide.</summary>
[JsonConverter(typeof(KebabCase<AgreementDecision>))]
public enum AgreementDecision
{
    /// <summary>The user wants it.</summary>
    Consent,

    /// <summary>The user, or an operator, does not want it.</summary>
    Refuse,

    /// <summary>An operator finds it good.</summary>
    Approve,

    /// <summary>The user wants nothing of it for now.</summary>
    Pause,

    /// <summary>The user wants it again.</summary>
    Resume,

    /// <summary>An operator holds it back.</summary>
    Suspend,

    /// <summary>An operator lifts a hold.</summary>
    Lift,

    /// <summary>An operator takes trust away.</summary>
    Demote,

    /// <summary>The user or an operator goes on with a negotiation that lapsed.</summary>
    Reopen,
}

/// <summary>A decision on an agreement.</summary>
/// <param name="Version">Of the terms; for consent and approval.</param>
/// <param name="Reason">For a person to read.</param>
/// <param name="Text">For consent: the text that was shown, word for word.</param>
/// <param name="Hold">For lift: which one.</param>
public sealed record AgreementDecisionRequest(AgreementDecision Decision, int? Version = null, string? Reason = null, string? Text = null, Hold? Hold = null);

/// <summary>What operators decide about organisations.</summary>
[JsonConverter(typeof(KebabCase<OrganizationDecision>))]
public enum OrganizationDecision
{
    Approve,
    Refuse,
    Suspend,
    Lift,
    Ban,
    LiftBan,
}

/// <summary>A decision on an organisation.</summary>
/// <param name="Hold">For lift: which one.</param>
public sealed record OrganizationDecisionRequest(OrganizationDecision Decision, string? Reason = null, OrganizationHold? Hold = null);

/// <summary>A user's complaint.</summary>
/// <param name="Reference">Names the message, or for the series the report, so that it counts once.</param>
public sealed record ComplaintRequest(ComplaintScope Scope, ComplaintClass Class, string Reference);

/// <summary>Asks for a way to show which agreement a message is for.</summary>
/// <param name="Method"><c>auth</c> or <c>address</c>.</param>
/// <param name="Replaces">The address that a new one takes the place of.</param>
public sealed record CredentialRequest(AgreementMethod Method, string? Replaces = null);

/// <summary>What was issued. The secret is shown this once.</summary>
/// <param name="PreviousEnds">Until when the credential before this one is good.</param>
public sealed record CredentialResource(AgreementMethod Method, string? Id, string? Secret, string? Address, DateTimeOffset? PreviousEnds);

/// <summary>Something that happened.</summary>
/// <param name="Actor">Who did it; a forwarder sees only in what role.</param>
/// <param name="Data">The event; only for users and operators.</param>
public sealed record HistoryResource(long Version, DateTimeOffset At, string Event, string Actor, string? Cause, JsonElement? Data);

/// <summary>All that happened, in order.</summary>
public sealed record HistoryList(IReadOnlyList<HistoryResource> Items);

/// <summary>The JSON of the API: what is not known is refused, so that a misspelt term is not taken for none.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ApiProblem))]
[JsonSerializable(typeof(ContactRequest))]
[JsonSerializable(typeof(OrganizationResource))]
[JsonSerializable(typeof(OrganizationList))]
[JsonSerializable(typeof(ProposalRequest))]
[JsonSerializable(typeof(AgreementResource))]
[JsonSerializable(typeof(AgreementList))]
[JsonSerializable(typeof(DigestResource))]
[JsonSerializable(typeof(TermsRequest))]
[JsonSerializable(typeof(TermsAnswerRequest))]
[JsonSerializable(typeof(AgreementDecisionRequest))]
[JsonSerializable(typeof(OrganizationDecisionRequest))]
[JsonSerializable(typeof(ComplaintRequest))]
[JsonSerializable(typeof(CredentialRequest))]
[JsonSerializable(typeof(CredentialResource))]
[JsonSerializable(typeof(HistoryList))]
public sealed partial class ApiJson : JsonSerializerContext;
