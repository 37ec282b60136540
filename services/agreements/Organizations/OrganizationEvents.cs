using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Organizations;

/// <summary>Something that happened to an organisation. Who did it, in answer to what, and when, is in the envelope that the ledger adds.</summary>
public abstract record OrganizationEvent;

/// <summary>All events, for the ledger's catalog.</summary>
public static class OrganizationEvents
{
    /// <summary>Name and type of each, in the order of life.</summary>
    public static IReadOnlyList<(string Name, Type Type)> All { get; } =
    [
        Named<OrganizationContacted>(),
        Named<OrganizationContactChanged>(),
        Named<OrganizationProven>(),
        Named<OrganizationWaiting>(),
        Named<OrganizationApprovalRequested>(),
        Named<OrganizationApproved>(),
        Named<OrganizationVerified>(),
        Named<ProposalAdmitted>(),
        Named<OrganizationHistoryRecorded>(),
        Named<OrganizationPromoted>(),
        Named<OrganizationDemoted>(),
        Named<OrganizationProofLost>(),
        Named<OrganizationSuspended>(),
        Named<OrganizationSuspensionLifted>(),
        Named<OrganizationRefused>(),
        Named<OrganizationLapsed>(),
        Named<OrganizationBanned>(),
        Named<OrganizationBanLifted>(),
    ];

    private static (string, Type) Named<T>()
        where T : OrganizationEvent => (EventNameAttribute.Of(typeof(T)), typeof(T));
}

/// <summary>An organisation made contact, or did so again after it had lapsed or was refused.</summary>
/// <param name="Domain">In its normal form.</param>
/// <param name="Contact">Mail address of its postmaster.</param>
/// <param name="Callback">HTTPS address that is told what happens to its agreements.</param>
/// <param name="Network">Where the request came from, as <see cref="NetworkPrefix"/>.</param>
/// <param name="Challenge">What it has to put into its DNS.</param>
/// <param name="AnswerBy">Until when.</param>
[EventName("organization-contacted")]
public sealed record OrganizationContacted(string Domain, string Contact, string Callback, string Network, string Challenge, DateTimeOffset AnswerBy) : OrganizationEvent;

/// <summary>It can be reached elsewhere now.</summary>
[EventName("organization-contact-changed")]
public sealed record OrganizationContactChanged(string Contact, string Callback) : OrganizationEvent;

/// <summary>One of the proofs is there.</summary>
/// <param name="Detail">Which key, or which record.</param>
[EventName("organization-proven")]
public sealed record OrganizationProven(OrganizationProof Proof, string Detail) : OrganizationEvent;

/// <summary>All proofs are there; time has to pass.</summary>
[EventName("organization-waiting")]
public sealed record OrganizationWaiting(DateTimeOffset Until) : OrganizationEvent;

/// <summary>A person has to look at it.</summary>
[EventName("organization-approval-requested")]
public sealed record OrganizationApprovalRequested(DateTimeOffset AnswerBy) : OrganizationEvent;

/// <summary>A person looked at it and found it good.</summary>
[EventName("organization-approved")]
public sealed record OrganizationApproved(string? Note) : OrganizationEvent;

/// <summary>It may propose agreements, on probation.</summary>
[EventName("organization-verified")]
public sealed record OrganizationVerified(DateTimeOffset ReviewFrom) : OrganizationEvent;

/// <summary>A proposal was let through to become an agreement.</summary>
/// <param name="AgreementId">The agreement that it becomes.</param>
/// <param name="Network">Where it came from.</param>
/// <param name="Day">The day (UTC) that it counts for.</param>
[EventName("organization-proposal-admitted")]
public sealed record ProposalAdmitted(string AgreementId, string Network, DateOnly Day) : OrganizationEvent;

/// <summary>What its agreements came to on a day.</summary>
/// <param name="Agreements">Agreements in force at the end of the day.</param>
/// <param name="Misuse">Observations of misuse.</param>
[EventName("organization-history-recorded")]
public sealed record OrganizationHistoryRecorded(DateOnly Day, int Agreements, int Messages, int Complaints, int Misuse) : OrganizationEvent;

/// <summary>Its history is good: higher caps.</summary>
[EventName("organization-promoted")]
public sealed record OrganizationPromoted(int Messages, int Days, int Complaints) : OrganizationEvent;

/// <summary>Back to low caps; a new history begins.</summary>
[EventName("organization-demoted")]
public sealed record OrganizationDemoted(OrganizationDemotion Reason, DateTimeOffset ReviewFrom) : OrganizationEvent;

/// <summary>A proof does not hold any more: keys vanished, the record is gone.</summary>
[EventName("organization-proof-lost")]
public sealed record OrganizationProofLost(OrganizationProof Proof, string Reason) : OrganizationEvent;

/// <summary>No new agreements for now, and the ones it has rest.</summary>
[EventName("organization-suspended")]
public sealed record OrganizationSuspended(OrganizationHold Hold, string Reason) : OrganizationEvent;

/// <summary>What it was suspended for is over.</summary>
[EventName("organization-suspension-lifted")]
public sealed record OrganizationSuspensionLifted(OrganizationHold Hold) : OrganizationEvent;

/// <summary>Not let in.</summary>
[EventName("organization-refused")]
public sealed record OrganizationRefused(OrganizationRefusedBy By, string Reason) : OrganizationEvent;

/// <summary>It did not go on in time.</summary>
[EventName("organization-lapsed")]
public sealed record OrganizationLapsed(OrganizationStatus Status) : OrganizationEvent;

/// <summary>An operator wants nothing of it.</summary>
[EventName("organization-banned")]
public sealed record OrganizationBanned(string Reason) : OrganizationEvent;

/// <summary>It may make contact anew.</summary>
[EventName("organization-ban-lifted")]
public sealed record OrganizationBanLifted : OrganizationEvent;
