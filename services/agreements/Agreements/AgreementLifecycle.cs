using Mailkey.Agreements.Decisions;
using static Mailkey.Agreements.Agreements.AgreementStatus;
using static Mailkey.Agreements.Decisions.Lifecycle<Mailkey.Agreements.Agreements.AgreementStatus>;

namespace Mailkey.Agreements.Agreements;

/// <summary>Every command in every state of an agreement, and who may give it.</summary>
public static class AgreementLifecycle
{
    private static readonly AgreementStatus[] Negotiating = [Proposed, AwaitingProof, AwaitingConsent, AwaitingApproval];
    private static readonly AgreementStatus[] Active = [ActiveProbation, ActiveEstablished, Renegotiating];
    private static readonly AgreementStatus[] Live = [.. Active, Suspended];
    private static readonly AgreementStatus[] Ended = [Refused, Revoked, Expired];

    /// <summary>The rules.</summary>
    public static Lifecycle<AgreementStatus> Rules { get; } = new(
    [
        On<Propose>(ActorKind.Forwarder, ActorKind.User, ActorKind.Operator)
            .Leads([None], Proposed)
            .Stays([.. Negotiating, .. Live, .. Ended]),

        On<RequestProof>(ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Leads([Proposed], AwaitingProof)
            .Nothing([AwaitingProof, AwaitingConsent, AwaitingApproval, .. Live])
            .Refuses(AgreementRefusals.Ended, Ended),
        On<AcceptProof>(ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Leads([Proposed, AwaitingProof], AwaitingConsent)
            .Nothing([AwaitingConsent, AwaitingApproval, .. Live])
            .Refuses(AgreementRefusals.Ended, Ended),
        On<RejectProof>(ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Leads([Proposed, AwaitingProof], Refused)
            .Refuses(AgreementRefusals.ProofSettled, [AwaitingConsent, AwaitingApproval, .. Live])
            .Nothing(Refused)
            .Refuses(AgreementRefusals.Ended, Revoked, Expired),

        On<RequestConsent>(ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.ProofFirst, Proposed, AwaitingProof)
            .Stays(AwaitingConsent, AwaitingApproval, Renegotiating, Suspended)
            .Nothing(ActiveProbation, ActiveEstablished)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<GiveConsent>(ActorKind.User)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.ProofFirst, Proposed, AwaitingProof)
            .Leads([AwaitingConsent], AwaitingApproval, ActiveProbation)
            .Stays([AwaitingApproval, .. Live])
            .Refuses(AgreementRefusals.Ended, Ended),
        On<AcceptConsentEvidence>(ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.ProofFirst, Proposed, AwaitingProof)
            .Leads([AwaitingConsent], AwaitingApproval, ActiveProbation)
            .Nothing([AwaitingApproval, .. Live])
            .Refuses(AgreementRefusals.Ended, Ended),
        On<RefuseConsent>(ActorKind.User)
            .Refuses(AgreementRefusals.Unknown, None)
            .Leads(Negotiating, Refused)
            .Refuses(AgreementRefusals.ConsentSettled, Live)
            .Nothing(Refused)
            .Refuses(AgreementRefusals.Ended, Revoked, Expired),

        On<Approve>(ActorKind.Operator)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.ApprovalNotDue, Proposed, AwaitingProof, AwaitingConsent)
            .Leads([AwaitingApproval], ActiveProbation, Renegotiating)
            .Nothing(Live)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<Disapprove>(ActorKind.Operator)
            .Refuses(AgreementRefusals.Unknown, None)
            .Leads(Negotiating, Refused)
            .Refuses(AgreementRefusals.ApprovalSettled, Live)
            .Nothing(Refused)
            .Refuses(AgreementRefusals.Ended, Revoked, Expired),

        On<ProposeTerms>(ActorKind.User, ActorKind.Forwarder, ActorKind.Operator)
            .Refuses(AgreementRefusals.Unknown, None)
            .Stays([.. Negotiating, Suspended])
            .Leads([ActiveProbation], ActiveProbation, Renegotiating)
            .Leads([ActiveEstablished], ActiveEstablished, Renegotiating)
            .Leads([Renegotiating], Renegotiating, ActiveProbation, ActiveEstablished)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<AcceptTerms>(ActorKind.User, ActorKind.Forwarder)
            .Refuses(AgreementRefusals.Unknown, None)
            .Stays([.. Negotiating, ActiveProbation, ActiveEstablished, Suspended])
            .Leads([Renegotiating], Renegotiating, ActiveProbation, ActiveEstablished)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<DeclineTerms>(ActorKind.User, ActorKind.Forwarder, ActorKind.Operator)
            .Refuses(AgreementRefusals.Unknown, None)
            .Stays([.. Negotiating, ActiveProbation, ActiveEstablished, Suspended])
            .Leads([Renegotiating], ActiveProbation, ActiveEstablished)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<WithdrawTerms>(ActorKind.User, ActorKind.Forwarder, ActorKind.Operator)
            .Refuses(AgreementRefusals.Unknown, None)
            .Stays([.. Negotiating, ActiveProbation, ActiveEstablished, Suspended])
            .Leads([Renegotiating], ActiveProbation, ActiveEstablished)
            .Refuses(AgreementRefusals.Ended, Ended),

        On<AssignAddress>(ActorKind.System, ActorKind.User, ActorKind.Operator)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Stays(Active)
            .Leads([Suspended], Suspended, ActiveProbation, Renegotiating)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<IssueCredential>(ActorKind.System, ActorKind.Forwarder)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Stays(Live)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<WithdrawCredential>(ActorKind.System, ActorKind.Forwarder, ActorKind.User, ActorKind.Operator)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Stays(Live)
            .Refuses(AgreementRefusals.Ended, Ended),

        On<RecordTraffic>(ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Leads([ActiveProbation], ActiveProbation, Suspended)
            .Leads([ActiveEstablished], ActiveEstablished, Suspended)
            .Leads([Renegotiating], Renegotiating, Suspended)
            .Stays(Suspended)
            .Nothing(Ended),
        On<Complain>(ActorKind.User)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Leads([ActiveProbation], ActiveProbation, Suspended)
            .Leads([ActiveEstablished], ActiveEstablished, ActiveProbation, Suspended)
            .Leads([Renegotiating], Renegotiating, Suspended)

            // Who unsubscribes and still gets mail has most reason to complain.
            .Stays([Suspended, .. Ended]),
        On<ReportMisuse>(ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Leads([ActiveProbation], ActiveProbation, Suspended)
            .Leads([ActiveEstablished], ActiveEstablished, Suspended)
            .Leads([Renegotiating], Renegotiating, Suspended)
            .Stays(Suspended)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<ReviewTrust>(ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Leads([ActiveProbation], ActiveEstablished)
            .Nothing(ActiveEstablished)
            .Stays(Renegotiating)
            .Refuses(AgreementRefusals.Suspended, Suspended)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<Demote>(ActorKind.Operator)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Nothing(ActiveProbation)
            .Leads([ActiveEstablished], ActiveProbation)
            .Stays(Renegotiating, Suspended)
            .Refuses(AgreementRefusals.Ended, Ended),

        On<Pause>(ActorKind.User)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Leads(Active, Suspended)
            .Stays(Suspended)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<Resume>(ActorKind.User)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Nothing(Active)
            .Leads([Suspended], Suspended, ActiveProbation, ActiveEstablished, Renegotiating)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<Suspend>(ActorKind.Operator, ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Leads(Active, Suspended)
            .Stays(Suspended)
            .Refuses(AgreementRefusals.Ended, Ended),
        On<LiftSuspension>(ActorKind.Operator, ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Refuses(AgreementRefusals.NotInForce, Negotiating)
            .Nothing(Active)
            .Leads([Suspended], Suspended, ActiveProbation, ActiveEstablished, Renegotiating)
            .Refuses(AgreementRefusals.Ended, Ended),

        On<CheckDeadlines>(ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Leads([Proposed], Proposed, Expired)
            .Leads([AwaitingProof], AwaitingProof, Expired)
            .Leads([AwaitingConsent], AwaitingConsent, Expired)
            .Leads([AwaitingApproval], AwaitingApproval, Expired)
            .Leads([ActiveProbation], ActiveProbation, Expired)
            .Leads([ActiveEstablished], ActiveEstablished, Expired)
            .Leads([Renegotiating], Renegotiating, ActiveProbation, ActiveEstablished, Expired)
            .Leads([Suspended], Suspended, Expired)
            .Nothing(Ended),
        On<Reopen>(ActorKind.User, ActorKind.Operator)
            .Refuses(AgreementRefusals.Unknown, None)
            .Nothing([.. Negotiating, .. Live])
            .Leads([Expired], Negotiating)
            .Refuses(AgreementRefusals.Ended, Refused, Revoked),
        On<End>(ActorKind.User, ActorKind.Forwarder, ActorKind.Operator, ActorKind.System)
            .Refuses(AgreementRefusals.Unknown, None)
            .Leads(Negotiating, Refused, Revoked)
            .Leads(Live, Revoked)
            .Nothing(Ended),
    ]);
}
