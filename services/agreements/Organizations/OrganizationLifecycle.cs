using Mailkey.Agreements.Decisions;
using static Mailkey.Agreements.Decisions.Lifecycle<Mailkey.Agreements.Organizations.OrganizationStatus>;
using static Mailkey.Agreements.Organizations.OrganizationStatus;

namespace Mailkey.Agreements.Organizations;

/// <summary>Every command in every state of an organisation, and who may give it.</summary>
public static class OrganizationLifecycle
{
    private static readonly OrganizationStatus[] Closed = [Refused, Lapsed];

    /// <summary>The rules.</summary>
    public static Lifecycle<OrganizationStatus> Rules { get; } = new(
    [
        On<MakeContact>(ActorKind.Forwarder, ActorKind.Operator)
            .Leads([None, .. Closed], AwaitingProof)
            .Stays(AwaitingProof, Waiting, AwaitingApproval, Verified, Suspended)
            .Refuses(OrganizationRefusals.Banned, Banned),
        On<Prove>(ActorKind.System)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Leads([AwaitingProof], AwaitingProof, Waiting, AwaitingApproval, Verified)
            .Nothing(Waiting, AwaitingApproval, Verified)

            // Proven again what was lost.
            .Leads([Suspended], Suspended, Verified)
            .Refuses(OrganizationRefusals.Closed, Closed)
            .Refuses(OrganizationRefusals.Banned, Banned),
        On<FailProof>(ActorKind.System)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Leads([AwaitingProof], Refused)
            .Refuses(OrganizationRefusals.ProofSettled, Waiting, AwaitingApproval, Verified, Suspended)
            .Nothing(Refused)
            .Refuses(OrganizationRefusals.Closed, Lapsed)
            .Refuses(OrganizationRefusals.Banned, Banned),
        On<ApproveOrganization>(ActorKind.Operator)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Refuses(OrganizationRefusals.ProofFirst, AwaitingProof)
            .Leads([Waiting, AwaitingApproval], Verified)
            .Nothing(Verified, Suspended)
            .Refuses(OrganizationRefusals.Closed, Closed)
            .Refuses(OrganizationRefusals.Banned, Banned),
        On<RefuseOrganization>(ActorKind.Operator)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Leads([AwaitingProof, Waiting, AwaitingApproval], Refused)
            .Refuses(OrganizationRefusals.ApprovalSettled, Verified, Suspended)
            .Nothing(Refused)
            .Refuses(OrganizationRefusals.Closed, Lapsed)
            .Refuses(OrganizationRefusals.Banned, Banned),
        On<AdmitProposal>(ActorKind.Forwarder, ActorKind.System, ActorKind.Operator)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Refuses(OrganizationRefusals.ProofFirst, AwaitingProof)
            .Refuses(OrganizationRefusals.Waiting, Waiting)
            .Refuses(OrganizationRefusals.ApprovalNeeded, AwaitingApproval)
            .Stays(Verified)
            .Refuses(OrganizationRefusals.Suspended, Suspended)
            .Refuses(OrganizationRefusals.Closed, Closed)
            .Refuses(OrganizationRefusals.Banned, Banned),
        On<RecordHistory>(ActorKind.System)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Refuses(OrganizationRefusals.NotVerified, AwaitingProof, Waiting, AwaitingApproval)
            .Leads([Verified], Verified, Suspended)
            .Stays(Suspended)
            .Nothing([.. Closed, Banned]),
        On<ReviewOrganization>(ActorKind.System)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Refuses(OrganizationRefusals.NotVerified, AwaitingProof, Waiting, AwaitingApproval)
            .Stays(Verified)
            .Refuses(OrganizationRefusals.Suspended, Suspended)
            .Refuses(OrganizationRefusals.Closed, Closed)
            .Refuses(OrganizationRefusals.Banned, Banned),
        On<LoseProof>(ActorKind.System)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Stays(AwaitingProof)
            .Leads([Waiting, AwaitingApproval], AwaitingProof)
            .Leads([Verified], Suspended)
            .Stays(Suspended)
            .Nothing([.. Closed, Banned]),
        On<SuspendOrganization>(ActorKind.Operator)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Refuses(OrganizationRefusals.NotVerified, AwaitingProof, Waiting, AwaitingApproval)
            .Leads([Verified], Suspended)
            .Stays(Suspended)
            .Refuses(OrganizationRefusals.Closed, Closed)
            .Refuses(OrganizationRefusals.Banned, Banned),
        On<LiftOrganizationSuspension>(ActorKind.Operator)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Refuses(OrganizationRefusals.NotVerified, AwaitingProof, Waiting, AwaitingApproval)
            .Nothing(Verified)
            .Leads([Suspended], Suspended, Verified)
            .Refuses(OrganizationRefusals.Closed, Closed)
            .Refuses(OrganizationRefusals.Banned, Banned),

        // Also somebody who never made contact: a domain of bad repute need not be waited for.
        On<BanOrganization>(ActorKind.Operator)
            .Leads([None, AwaitingProof, Waiting, AwaitingApproval, Verified, Suspended, .. Closed], Banned)
            .Nothing(Banned),
        On<LiftBan>(ActorKind.Operator)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Nothing([AwaitingProof, Waiting, AwaitingApproval, Verified, Suspended, .. Closed])
            .Leads([Banned], Lapsed),
        On<CheckOrganizationDeadlines>(ActorKind.System)
            .Refuses(OrganizationRefusals.Unknown, None)
            .Leads([AwaitingProof], AwaitingProof, Lapsed)
            .Leads([Waiting], Waiting, AwaitingApproval, Verified)
            .Leads([AwaitingApproval], AwaitingApproval, Lapsed)
            .Nothing([Verified, Suspended, .. Closed, Banned]),
    ]);
}
