using System.Diagnostics;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Dns;
using Mailkey.Smtp;
using Decision = Mailkey.Agreements.Decisions.Decision<Mailkey.Agreements.Organizations.OrganizationEvent>;

namespace Mailkey.Agreements.Organizations;

/// <summary>
/// A domain that forwards decides its standing here. The road to the first agreement is long on purpose; the second one takes
/// <see cref="AdmitProposal"/> only.
/// </summary>
public static class Organization
{
    /// <summary>The stream of an organisation's events.</summary>
    /// <param name="domain">In its normal form.</param>
    public static string StreamId(string domain) => $"organization-{domain}";

    /// <summary>What follows from a command.</summary>
    /// <param name="state">What the events so far add up to.</param>
    /// <param name="command">What somebody, who is authenticated, wants.</param>
    /// <param name="policy">What the operator decided beforehand.</param>
    /// <param name="now">The time.</param>
    public static Decision Decide(OrganizationState state, OrganizationCommand command, OrganizationPolicy policy, DateTimeOffset now)
    {
        var rule = OrganizationLifecycle.Rules[state.Status, command.GetType()];
        var isForeign = command.Actor.Kind == ActorKind.Forwarder && state.Domain.Length > 0 && command.Actor.Id != state.Domain;
        if (isForeign || !OrganizationLifecycle.Rules.ActorsOf(command.GetType()).Contains(command.Actor.Kind))
        {
            return OrganizationRefusals.NotYours;
        }

        if (!rule.IsAllowed)
        {
            return rule.Refusal is { } refusal ? refusal : Decision.Nothing;
        }

        return command switch
        {
            MakeContact c => OnMakeContact(state, c, policy, now),
            Prove c => OnProve(state, c, policy, now),
            FailProof c => Reasoned(c.Reason, reason => new OrganizationRefused(OrganizationRefusedBy.Proof, reason)),
            ApproveOrganization c => OnApprove(state, c, policy, now),
            RefuseOrganization c => Reasoned(c.Reason, reason => new OrganizationRefused(OrganizationRefusedBy.Operator, reason)),
            AdmitProposal c => OnAdmitProposal(state, c, policy, now),
            RecordHistory c => OnRecordHistory(state, c, policy, now),
            ReviewOrganization => OnReview(state, policy, now),
            LoseProof c => OnLoseProof(state, c),
            SuspendOrganization c => state.Holds.Contains(OrganizationHold.Operator) ? Decision.Nothing
                : Reasoned(c.Reason, reason => new OrganizationSuspended(OrganizationHold.Operator, reason)),
            LiftOrganizationSuspension c => OnLiftSuspension(state, c, policy, now),
            BanOrganization c => Reasoned(c.Reason, reason => new OrganizationBanned(reason)),
            LiftBan => new OrganizationBanLifted(),
            CheckOrganizationDeadlines => OnCheckDeadlines(state, policy, now),
            _ => throw new ArgumentOutOfRangeException(nameof(command), command.GetType(), "no command on an organisation"),
        };
    }

    /// <summary>The state after one more event. It knows no rules: what happened, happened.</summary>
    /// <exception cref="UnreachableException">An event that this program does not know.</exception>
    public static OrganizationState Evolve(OrganizationState state, OrganizationEvent happened) => happened switch
    {
        // Whoever was refused or lapsed begins anew; what is remembered is how much it proposed today.
        OrganizationContacted e => new OrganizationState
        {
            Stage = OrganizationStatus.AwaitingProof,
            Domain = e.Domain,
            Contact = e.Contact,
            Callback = e.Callback,
            Network = e.Network,
            Challenge = e.Challenge,
            Until = e.AnswerBy,
            AdmittedOn = state.AdmittedOn,
            Admitted = state.Admitted,
        },
        OrganizationContactChanged e => state with { Contact = e.Contact, Callback = e.Callback },
        OrganizationProven e => state.Proofs.Contains(e.Proof) ? state : state with { Proofs = state.Proofs.Add(e.Proof) },
        OrganizationWaiting e => state with { Stage = OrganizationStatus.Waiting, Until = e.Until },
        OrganizationApprovalRequested e => state with { Stage = OrganizationStatus.AwaitingApproval, Until = e.AnswerBy },
        OrganizationApproved => state,
        OrganizationVerified e => state with { Stage = OrganizationStatus.Verified, Until = null, Trust = OrganizationTrust.Probation, ReviewFrom = e.ReviewFrom },
        ProposalAdmitted e => state with
        {
            AdmittedOn = e.Day,
            Admitted = state.AdmittedOn == e.Day ? state.Admitted.Add(e.AgreementId) : [e.AgreementId],
        },
        OrganizationHistoryRecorded e when state.LastDay == e.Day =>
            state with { Agreements = e.Agreements, Last = new(e.Messages, e.Complaints, e.Misuse) },
        OrganizationHistoryRecorded e => state with
        {
            Agreements = e.Agreements,
            Before = state.History,
            DaysBefore = state.HistoryDays,
            LastDay = e.Day,
            Last = new(e.Messages, e.Complaints, e.Misuse),
        },
        OrganizationPromoted => state with { Trust = OrganizationTrust.Established },
        OrganizationDemoted e => WithoutHistory(state) with { Trust = OrganizationTrust.Probation, ReviewFrom = e.ReviewFrom },

        // On the way in it goes back to where it has to prove it, with the time that it had.
        OrganizationProofLost e => state with
        {
            Proofs = state.Proofs.Remove(e.Proof),
            Stage = state.Stage == OrganizationStatus.Verified ? state.Stage : OrganizationStatus.AwaitingProof,
        },
        OrganizationSuspended e => state.Holds.Contains(e.Hold) ? state : state with { Holds = state.Holds.Add(e.Hold) },
        OrganizationSuspensionLifted e => state with { Holds = state.Holds.Remove(e.Hold) },
        OrganizationRefused => Over(state, OrganizationStatus.Refused),
        OrganizationLapsed => Over(state, OrganizationStatus.Lapsed),
        OrganizationBanned => Over(state, OrganizationStatus.Banned),
        OrganizationBanLifted => Over(state, OrganizationStatus.Lapsed),
        _ => throw new UnreachableException($"{happened.GetType()} is no event of an organisation that this program knows."),
    };

    private static Decision OnMakeContact(OrganizationState state, MakeContact c, OrganizationPolicy policy, DateTimeOffset now)
    {
        if (!DomainName.TryNormalize(c.Domain, out var domain) || !domain.Contains('.', StringComparison.Ordinal))
        {
            return OrganizationRefusals.ContactInvalid.With("domain: not acceptable.");
        }

        if (c.Actor.Kind == ActorKind.Forwarder && c.Actor.Id != domain || (state.Domain.Length > 0 && state.Domain != domain))
        {
            return OrganizationRefusals.NotYours;
        }

        if (!Mailbox.TryParse(c.Contact ?? "", out var contact, out _) || contact!.IsAddressLiteral)
        {
            return OrganizationRefusals.ContactInvalid.With("contact: not a mail address.");
        }

        if (CallbackAddress.Of(c.Callback, domain)?.AbsoluteUri is not { } callback)
        {
            return OrganizationRefusals.ContactInvalid.With($"callback: an https address at {domain} or below it, without user, port or fragment.");
        }

        if (!NetworkPrefix.IsNormal(c.Network) || !SingleLine.IsAcceptable(c.Challenge, 100))
        {
            return OrganizationRefusals.ContactInvalid.With("network or challenge: not acceptable.");
        }

        if (state.Status is not (OrganizationStatus.None or OrganizationStatus.Refused or OrganizationStatus.Lapsed))
        {
            return state.Contact == contact.Text && state.Callback == callback ? Decision.Nothing : new OrganizationContactChanged(contact.Text, callback);
        }

        return c.Load.FromNetwork >= policy.ContactsPerNetwork || c.Load.All >= policy.ContactsPerDay
            ? OrganizationRefusals.TooManyContacts
            : new OrganizationContacted(domain, contact.Text, callback, c.Network, c.Challenge, By(now, policy.ProofPeriod));
    }

    private static Decision OnProve(OrganizationState state, Prove c, OrganizationPolicy policy, DateTimeOffset now)
    {
        if (!Enum.IsDefined(c.Proof) || !SingleLine.IsAcceptable(c.Detail, Agreement.MaxReasonLength))
        {
            return OrganizationRefusals.ReasonInvalid;
        }

        if (state.Proofs.Contains(c.Proof))
        {
            return Decision.Nothing;
        }

        var proven = new OrganizationProven(c.Proof, c.Detail);
        var isComplete = Enum.GetValues<OrganizationProof>().All(proof => proof == c.Proof || state.Proofs.Contains(proof));
        if (state.Stage == OrganizationStatus.Verified)
        {
            return isComplete && state.Holds.Contains(OrganizationHold.Proof) ? Decision.Of(proven, new OrganizationSuspensionLifted(OrganizationHold.Proof)) : proven;
        }

        if (state.Until <= now)
        {
            return OrganizationRefusals.Deadline;
        }

        return !isComplete ? proven
            : policy.WaitingPeriod > TimeSpan.Zero ? Decision.Of(proven, new OrganizationWaiting(By(now, policy.WaitingPeriod)))
            : Decision.Of(proven, LetIn(policy, now));
    }

    private static Decision OnApprove(OrganizationState state, ApproveOrganization c, OrganizationPolicy policy, DateTimeOffset now) =>
        c.Note is not null && !SingleLine.IsAcceptable(c.Note, Agreement.MaxReasonLength) ? OrganizationRefusals.ReasonInvalid
        : state.Stage == OrganizationStatus.AwaitingApproval && state.Until <= now ? OrganizationRefusals.Deadline
        : Decision.Of(new OrganizationApproved(c.Note), new OrganizationVerified(By(now, policy.ProbationPeriod)));

    private static Decision OnAdmitProposal(OrganizationState state, AdmitProposal c, OrganizationPolicy policy, DateTimeOffset now)
    {
        if (!AgreementId.TryParse(c.AgreementId, out var id) || !NetworkPrefix.IsNormal(c.Network))
        {
            return OrganizationRefusals.AgreementInvalid;
        }

        var agreement = id.ToString();
        if (state.Admitted.Contains(agreement))
        {
            return Decision.Nothing;
        }

        var day = DateOnly.FromDateTime(now.UtcDateTime);
        var isOnProbation = state.Trust == OrganizationTrust.Probation;
        return state.AdmittedDuring(day) >= (isOnProbation ? policy.ProposalsInProbation : policy.ProposalsPerDay) ? OrganizationRefusals.ProposalsReached
            : isOnProbation && state.Agreements >= policy.AgreementsInProbation ? OrganizationRefusals.AgreementsReached
            : c.Load.FromNetwork >= policy.ProposalsPerNetwork ? OrganizationRefusals.NetworkReached
            : policy.ConsentCaps.AreReachedBy(c.Load.Recipient) ? OrganizationRefusals.RecipientReached
            : new ProposalAdmitted(agreement, c.Network, day);
    }

    private static Decision OnRecordHistory(OrganizationState state, RecordHistory c, OrganizationPolicy policy, DateTimeOffset now)
    {
        if (c.Agreements < 0 || c.Messages < 0 || c.Complaints < 0 || c.Misuse < 0)
        {
            return OrganizationRefusals.HistoryInvalid;
        }

        var counts = new HistoryCounts(c.Messages, c.Complaints, c.Misuse);
        if (c.Day < state.LastDay || (c.Day == state.LastDay && counts == state.Last && c.Agreements == state.Agreements))
        {
            return Decision.Nothing;
        }

        OrganizationEvent recorded = new OrganizationHistoryRecorded(c.Day, c.Agreements, c.Messages, c.Complaints, c.Misuse);
        var history = Evolve(state, recorded).History;
        if (history.Reports < policy.ReportsFloor || !state.Holds.IsEmpty)
        {
            return recorded;
        }

        return history.Exceed(policy.SuspendPerThousand)
                ? Decision.Of(recorded, new OrganizationSuspended(OrganizationHold.Complaints, $"{history.Reports} complaints and observations of misuse, {history.Messages} messages"))
            : state.Trust == OrganizationTrust.Established && history.Exceed(policy.ReportsPerThousand)
                ? Decision.Of(recorded, new OrganizationDemoted(OrganizationDemotion.Complaints, By(now, policy.ProbationPeriod)))
            : recorded;
    }

    private static Decision OnReview(OrganizationState state, OrganizationPolicy policy, DateTimeOffset now)
    {
        if (state.Trust == OrganizationTrust.Established)
        {
            return Decision.Nothing;
        }

        return OrganizationStanding.Of(state, policy, now).Missing is [var first, ..]
            ? OrganizationRefusals.HistoryTooShort.With($"{first.What}: {first.Is} of {first.Needed}.")
            : new OrganizationPromoted(state.History.Messages, state.HistoryDays, state.History.Complaints);
    }

    private static Decision OnLoseProof(OrganizationState state, LoseProof c) =>
        !state.Proofs.Contains(c.Proof) ? Decision.Nothing
        : Reasoned(c.Reason, reason => state.Stage == OrganizationStatus.Verified && !state.Holds.Contains(OrganizationHold.Proof)
            ? Decision.Of(new OrganizationProofLost(c.Proof, reason), new OrganizationSuspended(OrganizationHold.Proof, reason))
            : new OrganizationProofLost(c.Proof, reason));

    private static Decision OnLiftSuspension(OrganizationState state, LiftOrganizationSuspension c, OrganizationPolicy policy, DateTimeOffset now) =>
        !state.Holds.Contains(c.Hold) ? Decision.Nothing

        // Only a new proof replaces a proof.
        : c.Hold == OrganizationHold.Proof ? OrganizationRefusals.ProofFirst
        : c.Hold == OrganizationHold.Complaints
            ? Decision.Of(new OrganizationSuspensionLifted(c.Hold), new OrganizationDemoted(OrganizationDemotion.AfterSuspension, By(now, policy.ProbationPeriod)))
            : new OrganizationSuspensionLifted(c.Hold);

    private static Decision OnCheckDeadlines(OrganizationState state, OrganizationPolicy policy, DateTimeOffset now) =>
        state.Until is not { } until || until > now ? Decision.Nothing
        : state.Stage == OrganizationStatus.Waiting ? LetIn(policy, now)
        : new OrganizationLapsed(state.Stage);

    private static OrganizationEvent LetIn(OrganizationPolicy policy, DateTimeOffset now) => policy.NeedsApproval
        ? new OrganizationApprovalRequested(By(now, policy.ApprovalPeriod))
        : new OrganizationVerified(By(now, policy.ProbationPeriod));

    private static OrganizationState WithoutHistory(OrganizationState state) =>
        state with { Before = HistoryCounts.Zero, DaysBefore = 0, Last = HistoryCounts.Zero };

    private static OrganizationState Over(OrganizationState state, OrganizationStatus stage) =>
        WithoutHistory(state) with { Stage = stage, Until = null, Proofs = [], Holds = [], Trust = OrganizationTrust.Probation, ReviewFrom = null };

    private static Decision Reasoned(string? reason, Func<string, Decision> then) =>
        SingleLine.IsAcceptable(reason, Agreement.MaxReasonLength) ? then(reason!) : OrganizationRefusals.ReasonInvalid;

    private static DateTimeOffset By(DateTimeOffset now, TimeSpan period) => (now + period).ToUniversalTime();
}
