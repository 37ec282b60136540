using System.Net;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Negotiation;
using Mailkey.Agreements.Organizations;
using Mailkey.Ledger.Events;

namespace Mailkey.Agreements.Desk;

/// <summary>
/// The way by which persons and organisations give commands on agreements. It finds out what the pure deciders must be told, and answers with
/// what the events say now. Who the actor is has been established by the caller; what the actor may do is decided by the model.
/// </summary>
public sealed class AgreementDesk(
    Aggregates<AgreementState> agreements,
    Aggregates<OrganizationState> organizations,
    Aggregates<SubscriptionState> subscriptions,
    DeskPolicies policies,
    DeskLoads loads,
    DeskLocks locks,
    IRecipientAccounts accounts,
    TimeProvider time)
{
    /// <summary>An agreement as its events say; of no phase when there is none.</summary>
    /// <param name="asOf">As it was then; null: as it is.</param>
    public async Task<DeskAnswer<AgreementState>> LoadAsync(AgreementId id, DateTimeOffset? asOf, CancellationToken cancellationToken)
    {
        var stream = await agreements.LoadAsync(id.StreamId, asOf, cancellationToken);
        return new(stream.State, stream.Version, stream.Version == 0 ? AgreementRefusals.Unknown : null, HasChanged: false);
    }

    /// <summary>Proposes an agreement; one that is there already, with the same content, is the answer.</summary>
    /// <param name="client">Where the proposal came from. Needed when a forwarder proposes: caps are by network.</param>
    /// <param name="cause">The request.</param>
    public async Task<ProposalAnswer> ProposeAsync(Proposal proposal, Actor actor, IPAddress? client, string? cause, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        ArgumentNullException.ThrowIfNull(actor);
        if (actor.Kind == ActorKind.Forwarder && client is null)
        {
            throw new ArgumentNullException(nameof(client), "A forwarder's proposal comes from somewhere.");
        }

        var account = accounts.AccountOf(proposal.Recipient);
        var command = new Propose(actor)
        {
            Forwarder = proposal.Forwarder,
            Recipient = proposal.Recipient,
            Account = account ?? proposal.Recipient,
            Category = proposal.Category,
            Subscription = proposal.Subscription,
            DisplayName = proposal.DisplayName,
            Methods = proposal.Methods,
            Terms = proposal.Terms,
            Evidence = proposal.Evidence,
        };
        var policy = policies.Agreements;

        // What cannot become an agreement must not reserve its name.
        if (Agreement.Decide(AgreementState.None, command, policy, time.GetUtcNow()).Refusal is { } invalid)
        {
            return Refused(invalid);
        }

        if (!SubscriptionKey.TryCreate(proposal.Forwarder, proposal.Recipient, proposal.Subscription, out var key, out var part))
        {
            return Refused(AgreementRefusals.ProposalInvalid.With($"{part}: not acceptable."));
        }

        var network = client is null ? "" : NetworkPrefix.Of(client);
        await using var held = await locks.EnterAsync([$"network {network}", $"account {account ?? ""}", key.StreamId], cancellationToken);

        if (await KnownAsync(key, cancellationToken) is { } known)
        {
            return await DecideOnAsync(known, command, cause, cancellationToken);
        }

        // Whoever may not propose learns nothing about recipients, and reserves nothing.
        if (await AdmissionAsync(key.Forwarder, actor, network, account, AgreementId.Mint(), cause, isTrial: true, cancellationToken) is { } notYet)
        {
            return Refused(notYet);
        }

        if (account is null)
        {
            // It counts like any other: else a list of names could be tried through at no cost.
            return Refused(await AdmissionAsync(key.Forwarder, actor, network, account, AgreementId.Mint(), cause, isTrial: false, cancellationToken) ?? DeskRefusals.UnknownRecipient);
        }

        var id = await ReserveAsync(key, actor, cause, cancellationToken);
        return await AdmissionAsync(key.Forwarder, actor, network, account, id, cause, isTrial: false, cancellationToken) is { } refusal
            ? Refused(refusal)
            : await DecideOnAsync(id, command, cause, cancellationToken);
    }

    /// <summary>Gives a command. Proposing, asking for consent and assigning addresses have ways of their own.</summary>
    /// <param name="cause">The request.</param>
    public async Task<DeskAnswer<AgreementState>> DecideAsync(AgreementId id, AgreementCommand command, string? cause, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        if (command is GiveConsent or AcceptConsentEvidence or Approve)
        {
            var proposed = await agreements.LoadAsync(id.StreamId, null, cancellationToken);
            var organization = (await organizations.LoadAsync(Organization.StreamId(proposed.State.Forwarder), null, cancellationToken)).State;
            if (proposed.State.Phase is AgreementPhase.AwaitingConsent or AgreementPhase.AwaitingApproval && !organization.MayForward)
            {
                return new(proposed.State, proposed.Version, RefusalOf(organization.Status), HasChanged: false);
            }

            // How suspicious the whole looks is for nobody outside to say.
            return await AppendAsync(id, command is GiveConsent consent ? consent with { Risk = ProposalRisk.Of(proposed.State, organization) } : command, cause, cancellationToken);
        }

        if (command is not Reopen)
        {
            return await AppendAsync(id, command, cause, cancellationToken);
        }

        // Another agreement may have taken its place since.
        var state = (await agreements.LoadAsync(id.StreamId, null, cancellationToken)).State;
        if (!SubscriptionKey.TryCreate(state.Forwarder, state.Recipient, state.Subscription, out var key, out _))
        {
            return await AppendAsync(id, command, cause, cancellationToken);
        }

        await using var held = await locks.EnterAsync([key.StreamId], cancellationToken);
        var holder = (await subscriptions.LoadAsync(key.StreamId, null, cancellationToken)).State.AgreementId;
        return holder is null || holder == id.ToString()
            ? await AppendAsync(id, command, cause, cancellationToken)
            : await LoadAsync(id, null, cancellationToken) with { Refusal = AgreementRefusals.Exists };
    }

    /// <summary>Records that the user is asked, unless this user is asked too much already, over all forwarders.</summary>
    /// <param name="version">The terms that the question is about.</param>
    /// <param name="text">The question, word for word.</param>
    public async Task<DeskAnswer<AgreementState>> RequestConsentAsync(
        AgreementId id, int version, string text, Actor actor, string? cause, CancellationToken cancellationToken)
    {
        var account = (await agreements.LoadAsync(id.StreamId, null, cancellationToken)).State.Account;
        await using var held = await locks.EnterAsync([$"account {account}"], cancellationToken);
        var load = await loads.ConsentAsync(account, cancellationToken);
        return await AppendAsync(id, new RequestConsent(actor, version, text, load), cause, cancellationToken);
    }

    /// <summary>Makes a unique address for the forwarder, in the place of the one that there is.</summary>
    /// <param name="replaces">The address that it takes the place of; null for the first.</param>
    public async Task<DeskAnswer<AgreementState>> AssignAddressAsync(AgreementId id, string? replaces, Actor actor, string? cause, CancellationToken cancellationToken)
    {
        var current = await agreements.LoadAsync(id.StreamId, null, cancellationToken);

        // An address is made for the plain mailbox: what a subaddress adds would only give the user's habits away.
        return current.Version == 0
            ? new(current.State, 0, AgreementRefusals.Unknown, HasChanged: false)
            : await AppendAsync(id, new AssignAddress(actor, UniqueAddress.Mint(current.State.Recipient).ToString(), replaces), cause, cancellationToken);
    }

    // Why nothing comes into force with somebody who may not forward.
    private static Refusal RefusalOf(OrganizationStatus status) => status switch
    {
        OrganizationStatus.Banned => OrganizationRefusals.Banned,
        OrganizationStatus.Suspended => OrganizationRefusals.Suspended,
        _ => OrganizationRefusals.NotVerified,
    };

    private static ProposalAnswer Refused(Refusal refusal) => new(null, AgreementState.None, 0, refusal, HasChanged: false);

    private async Task<DeskAnswer<AgreementState>> AppendAsync(AgreementId id, AgreementCommand command, string? cause, CancellationToken cancellationToken)
    {
        var (stream, decision) = await agreements.DecideAsync(
            id.StreamId,
            state =>
            {
                var decided = Agreement.Decide(state, command, policies.Agreements, time.GetUtcNow());
                return (decided.Events, decided);
            },
            command.Actor.ToString(),
            cause,
            cancellationToken);
        return new(stream.State, stream.Version, decision.Refusal, decision.Events.Count > 0);
    }

    // Somebody who proposes something else for the same subscription is told which agreement is in the way.
    private async Task<ProposalAnswer> DecideOnAsync(AgreementId id, Propose command, string? cause, CancellationToken cancellationToken)
    {
        var answer = await AppendAsync(id, command, cause, cancellationToken);
        return new(id, answer.State, answer.Version, answer.Refusal, answer.HasChanged);
    }

    // The agreement that has the subscription, while it has begun and not ended.
    private async Task<AgreementId?> KnownAsync(SubscriptionKey key, CancellationToken cancellationToken)
    {
        var holder = (await subscriptions.LoadAsync(key.StreamId, null, cancellationToken)).State.AgreementId;
        return AgreementId.TryParse(holder, out var id)
            && (await agreements.LoadAsync(id.StreamId, null, cancellationToken)).State is { Phase: not AgreementPhase.None } state && !IsEnded(state) ? id : null;
    }

    // The subscription goes to one agreement, and to another one only when that has ended.
    private async Task<AgreementId> ReserveAsync(SubscriptionKey key, Actor actor, string? cause, CancellationToken cancellationToken)
    {
        while (true)
        {
            var holder = (await subscriptions.LoadAsync(key.StreamId, null, cancellationToken)).State.AgreementId;
            var hasEnded = AgreementId.TryParse(holder, out var before) && IsEnded((await agreements.LoadAsync(before.StreamId, null, cancellationToken)).State);
            var minted = AgreementId.Mint();
            var (stream, _) = await subscriptions.DecideAsync(
                key.StreamId,
                state => (state.AgreementId is null || (hasEnded && state.AgreementId == holder) ? [new SubscriptionReserved(minted.ToString())] : (IReadOnlyList<object>)[], true),
                actor.ToString(),
                cause,
                cancellationToken);
            if (AgreementId.TryParse(stream.State.AgreementId, out var id) && (id == minted || id.ToString() == holder))
            {
                return id;
            }
        }
    }

    private static bool IsEnded(AgreementState state) => state.Phase is AgreementPhase.Refused or AgreementPhase.Revoked or AgreementPhase.Expired;

    /// <summary>Whether the organisation may propose this; a trial leaves no trace.</summary>
    private async Task<Refusal?> AdmissionAsync(
        string forwarder, Actor actor, string network, string? account, AgreementId id, string? cause, bool isTrial, CancellationToken cancellationToken)
    {
        var streamId = Organization.StreamId(forwarder);
        if (actor.Kind != ActorKind.Forwarder)
        {
            // On behalf of the receiver anything may be proposed, but with those who are not wanted here.
            var status = (await organizations.LoadAsync(streamId, null, cancellationToken)).State.Status;
            return status == OrganizationStatus.Banned ? OrganizationRefusals.Banned
                : status == OrganizationStatus.Suspended ? OrganizationRefusals.Suspended
                : null;
        }

        var load = await loads.ProposalsAsync(network, account ?? "", cancellationToken);
        var command = new AdmitProposal(actor, id.ToString(), network, load);
        if (isTrial)
        {
            var state = (await organizations.LoadAsync(streamId, null, cancellationToken)).State;
            return Organization.Decide(state, command, policies.Organizations, time.GetUtcNow()).Refusal;
        }

        var (_, decision) = await organizations.DecideAsync(
            streamId,
            state =>
            {
                var decided = Organization.Decide(state, command, policies.Organizations, time.GetUtcNow());
                return (decided.Events, decided);
            },
            actor.ToString(),
            cause,
            cancellationToken);
        return decision.Refusal;
    }
}
