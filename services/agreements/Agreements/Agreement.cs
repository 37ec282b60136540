using System.Buffers;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Decision = Mailkey.Agreements.Decisions.Decision<Mailkey.Agreements.Agreements.AgreementEvent>;

namespace Mailkey.Agreements.Agreements;

/// <summary>
/// An agreement decides here, and nowhere else: without I/O, clock or chance, from what happened, what is wanted, what the operator's policy
/// is, and what time it is.
/// </summary>
public static partial class Agreement
{
    /// <summary>Changes of terms by a forwarder. It can ask for a new agreement; a history must not grow without end.</summary>
    public const int MaxVersionsByForwarder = 100;

    /// <summary>Changes of terms by anybody.</summary>
    public const int MaxVersions = 1000;

    /// <summary>Logins, and addresses that the forwarder asked for, in the life of an agreement: one a week for twenty years.</summary>
    public const int MaxIssued = 1000;

    /// <summary>Complaints of one agreement that are kept, and as many observations: who misuses it leaves room for complaints.</summary>
    public const int MaxReports = 1000;

    /// <summary>Characters of a reason or a note.</summary>
    public const int MaxReasonLength = 500;

    /// <summary>Characters of a reference to a message, a session or a day.</summary>
    public const int MaxReferenceLength = 200;

    /// <summary>Characters of a name that is shown to people.</summary>
    public const int MaxDisplayNameLength = 200;

    /// <summary>Characters of a category.</summary>
    public const int MaxCategoryLength = 32;

    private static readonly SearchValues<char> CategoryCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly SearchValues<char> CredentialCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

    /// <summary>The categories that have a meaning here; others are welcome.</summary>
    public static IReadOnlyList<string> KnownCategories { get; } = ["dot-forward", "alias", "mailing-list", "newsletter", "backup-mx"];

    /// <summary>What follows from a command.</summary>
    /// <param name="state">What the events so far add up to.</param>
    /// <param name="command">What somebody, who is authenticated, wants.</param>
    /// <param name="policy">What the operator decided beforehand.</param>
    /// <param name="now">The time.</param>
    public static Decision Decide(AgreementState state, AgreementCommand command, AgreementPolicy policy, DateTimeOffset now)
    {
        var rule = AgreementLifecycle.Rules[state.Status, command.GetType()];
        if (!AgreementLifecycle.Rules.ActorsOf(command.GetType()).Contains(command.Actor.Kind) || IsForeign(state, command.Actor))
        {
            return AgreementRefusals.NotYours;
        }

        if (!rule.IsAllowed)
        {
            return rule.Refusal is { } refusal ? refusal : Decision.Nothing;
        }

        if (IsOver(state, now) && !MayComeLate(command))
        {
            return AgreementRefusals.Deadline;
        }

        return command switch
        {
            Propose c => OnPropose(state, c, policy, now),
            RequestProof c => c.Proofs.Count == 0 ? AgreementRefusals.ProofMissing : new ProofRequested([.. c.Proofs.Distinct()], By(now, policy.ProofPeriod)),
            AcceptProof c => c.Proofs.Count == 0 ? AgreementRefusals.ProofMissing : new ProofAccepted([.. c.Proofs.Distinct()], By(now, policy.ConsentPeriod)),
            RejectProof c => Reasoned(c.Reason, reason => new AgreementRefused(RefusedBy.Proof, reason)),
            RequestConsent c => OnRequestConsent(state, c, policy, now),
            GiveConsent c => OnGiveConsent(state, c, policy, now),
            AcceptConsentEvidence c => OnAcceptConsentEvidence(state, c, policy, now),
            RefuseConsent c => OptionallyReasoned(c.Reason, reason => new AgreementRefused(RefusedBy.User, reason)),
            Approve c => OnApprove(state, c, policy, now),
            Disapprove c => Reasoned(c.Reason, reason => new AgreementRefused(RefusedBy.Operator, reason)),
            ProposeTerms c => OnProposeTerms(state, c, policy, now),
            AcceptTerms c => OnAcceptTerms(state, c, policy, now),
            DeclineTerms c => OnDeclineTerms(state, c),
            WithdrawTerms c => OnWithdrawTerms(state, c),
            AssignAddress c => OnAssignAddress(state, c, policy, now),
            IssueCredential c => OnIssueCredential(state, c, policy, now),
            WithdrawCredential c => OnWithdrawCredential(state, c),
            RecordTraffic c => OnRecordTraffic(state, c, policy),
            Complain c => OnComplain(state, c, policy, now),
            ReportMisuse c => OnReportMisuse(state, c, policy, now),
            ReviewTrust => OnReviewTrust(state, policy, now),
            Demote => state.Trust == TrustLevel.Probation ? Decision.Nothing : new AgreementDemoted(DemotionReason.Operator, policy.Trust.BeginProbation(now)),
            Pause => state.Holds.Contains(Hold.Pause) ? Decision.Nothing : new AgreementPaused(),
            Resume => state.Holds.Contains(Hold.Pause) ? new AgreementResumed() : Decision.Nothing,
            Suspend c => OnSuspend(state, c),
            LiftSuspension c => OnLiftSuspension(state, c, policy, now),
            CheckDeadlines => OnCheckDeadlines(state, now),
            Reopen => OnReopen(state, policy, now),
            End c => OnEnd(state, c),
            _ => throw new ArgumentOutOfRangeException(nameof(command), command.GetType(), "no command on an agreement"),
        };
    }

    /// <summary>Whether the time of what is going on has run out, even if nobody has said so yet.</summary>
    public static bool IsOver(AgreementState state, DateTimeOffset now) =>
        state.AnswerBy <= now || (state.Phase is not (AgreementPhase.Refused or AgreementPhase.Revoked or AgreementPhase.Expired) && state.Terms?.Expires <= now);

    // Whoever asks for the agreement of others learns only that it is not theirs.
    private static bool IsForeign(AgreementState state, Actor actor) => state.Phase != AgreementPhase.None && actor.Kind switch
    {
        ActorKind.User => actor.Id != state.Account,
        ActorKind.Forwarder => actor.Id != state.Forwarder,
        _ => false,
    };

    // What ends, protects or reports is never too late.
    private static bool MayComeLate(AgreementCommand command) =>
        command is CheckDeadlines or End or RefuseConsent or Disapprove or RejectProof or Suspend or Complain or ReportMisuse or RecordTraffic or WithdrawCredential or Propose;

    private static Decision OnPropose(AgreementState state, Propose c, AgreementPolicy policy, DateTimeOffset now)
    {
        if (!SubscriptionKey.TryCreate(c.Forwarder, c.Recipient, c.Subscription, out var key, out var part))
        {
            return AgreementRefusals.ProposalInvalid.With($"{part}: not acceptable.");
        }

        if (!IsCategory(c.Category))
        {
            return AgreementRefusals.ProposalInvalid.With("category: lower-case letters, digits and hyphens.");
        }

        if (!SingleLine.IsAcceptable(c.Account, Consent.MaxPartLength) || (c.DisplayName is not null && !SingleLine.IsAcceptable(c.DisplayName, MaxDisplayNameLength)))
        {
            return AgreementRefusals.ProposalInvalid.With("account, displayName: one line of visible characters.");
        }

        if (c.Methods.Count is 0 or > 3 || !c.Methods.All(Enum.IsDefined))
        {
            return AgreementRefusals.ProposalInvalid.With("methods: auth, reference, address.");
        }

        if (c.Actor.Kind == ActorKind.Forwarder && c.Actor.Id != key.Forwarder || c.Actor.Kind == ActorKind.User && c.Actor.Id != c.Account)
        {
            return AgreementRefusals.NotYours;
        }

        if (c.Evidence is { } evidence && (evidence.When > now || new ConsentAnswer(ConsentMeans.ForwarderEvidence, evidence.From, evidence.Text).By(c.Account, evidence.When) is null))
        {
            return AgreementRefusals.ConsentInvalid;
        }

        AgreementMethod[] methods = [.. c.Methods.Distinct().Order()];
        if (state.Phase != AgreementPhase.None)
        {
            // Expiry in the terms may be over by now, which makes the repetition no less one.
            _ = c.Terms.Check(policy.Limits, now, out var repeated);
            return state.Forwarder == key.Forwarder && state.Recipient == key.Recipient && state.Subscription == key.Subscription && state.Account == c.Account
                && state.Category == c.Category && state.DisplayName == c.DisplayName && state.Methods.SequenceEqual(methods) && state.Versions[0].Terms == repeated
                ? Decision.Nothing
                : AgreementRefusals.Exists;
        }

        if (c.Terms.Check(policy.Limits, now, out var terms) is { } refusal)
        {
            return refusal;
        }

        return new AgreementProposed
        {
            Forwarder = key.Forwarder,
            Recipient = key.Recipient,
            Account = c.Account,
            Category = c.Category,
            Subscription = key.Subscription,
            DisplayName = c.DisplayName,
            Methods = methods,
            By = PartyOf(c.Actor),
            Terms = terms,
            Evidence = c.Evidence is { } given ? given with { When = given.When.ToUniversalTime() } : null,
            AnswerBy = By(now, policy.ProofPeriod),
        };
    }

    private static Decision OnApprove(AgreementState state, Approve c, AgreementPolicy policy, DateTimeOffset now)
    {
        if (c.Version != state.Version)
        {
            return AgreementRefusals.VersionDiffers;
        }

        return OptionallyReasoned(c.Note, note => Decision.Of(new ApprovalGiven(c.Version, note), new AgreementActivated(c.Version, policy.Trust.BeginProbation(now))));
    }

    private static Decision OnAssignAddress(AgreementState state, AssignAddress c, AgreementPolicy policy, DateTimeOffset now)
    {
        if (!state.Methods.Contains(AgreementMethod.Address))
        {
            return AgreementRefusals.MethodNotAgreed;
        }

        if (!UniqueAddress.TryParse(c.Address, out var address) || !address.IsFor(state.Recipient))
        {
            return AgreementRefusals.AddressInvalid;
        }

        var text = address.ToString();
        if (state.Address == text)
        {
            return Decision.Nothing;
        }

        if (state.Address is not null && (c.Replaces is null || !UniqueAddress.TryParse(c.Replaces, out var replaced) || replaced.ToString() != state.Address))
        {
            return AgreementRefusals.AddressExists;
        }

        // Users and operators may always take a leaked address away.
        if (c.Actor.Kind == ActorKind.System && state.Issued >= MaxIssued)
        {
            return AgreementRefusals.TooManyIssued;
        }

        // The leak is closed with the address that leaked. Where it suspended, trust begins again, since who leaked it stays unknown.
        return state.Holds.Contains(Hold.AddressLeak)
            ? Decision.Of(
                new AddressAssigned(text, state.Address),
                new SuspensionLifted(Hold.AddressLeak),
                new AgreementDemoted(DemotionReason.AfterSuspension, policy.Trust.BeginProbation(now)))
            : new AddressAssigned(text, state.Address);
    }

    private static Decision OnIssueCredential(AgreementState state, IssueCredential c, AgreementPolicy policy, DateTimeOffset now)
    {
        if (!state.Methods.Contains(AgreementMethod.Auth))
        {
            return AgreementRefusals.MethodNotAgreed;
        }

        if (!IsCredentialId(c.CredentialId))
        {
            return AgreementRefusals.CredentialInvalid;
        }

        return state.Credentials.Exists(credential => credential.Id == c.CredentialId)
            ? Decision.Nothing
            : state.Issued >= MaxIssued ? AgreementRefusals.TooManyIssued
            : new CredentialIssued(c.CredentialId, state.Credentials.IsEmpty ? null : By(now, policy.CredentialOverlap));
    }

    private static Decision OnWithdrawCredential(AgreementState state, WithdrawCredential c) =>
        !IsCredentialId(c.CredentialId) ? AgreementRefusals.CredentialInvalid
        : state.Credentials.Exists(credential => credential.Id == c.CredentialId) ? new CredentialWithdrawn(c.CredentialId)
        : Decision.Nothing;

    private static Decision OnCheckDeadlines(AgreementState state, DateTimeOffset now)
    {
        if (IsOver(state, now))
        {
            return new AgreementExpired(state.Phase);
        }

        return state.Pending is { } pending && pending.AnswerBy <= now ? new TermsLapsed(pending.Version) : Decision.Nothing;
    }

    private static Decision OnReopen(AgreementState state, AgreementPolicy policy, DateTimeOffset now)
    {
        if (state.Resumptions >= policy.Resumptions)
        {
            return AgreementRefusals.TooManyResumptions;
        }

        // A negotiation whose terms have an end behind them would expire again at once.
        return state.ExpiredIn is not { } phase || phase == AgreementPhase.InForce || state.Terms?.Expires <= now ? AgreementRefusals.NotResumable
            : new AgreementReopened(phase, By(now, phase switch
            {
                AgreementPhase.AwaitingConsent => policy.ConsentPeriod,
                AgreementPhase.AwaitingApproval => policy.ApprovalPeriod,
                _ => policy.ProofPeriod,
            }));
    }

    private static Decision OnEnd(AgreementState state, End c) => OptionallyReasoned(c.Reason, reason => (state.Phase, c.Actor.Kind) switch
    {
        (AgreementPhase.InForce, _) or (_, ActorKind.Forwarder or ActorKind.System) => new AgreementRevoked(PartyOf(c.Actor), reason),
        (_, ActorKind.Operator) => new AgreementRefused(RefusedBy.Operator, reason),
        _ => new AgreementRefused(RefusedBy.User, reason),
    });

    private static Decision Reasoned(string? reason, Func<string, Decision> then) =>
        SingleLine.IsAcceptable(reason, MaxReasonLength) ? then(reason!) : AgreementRefusals.ReasonInvalid;

    private static Decision OptionallyReasoned(string? reason, Func<string?, Decision> then) => reason is null ? then(null) : Reasoned(reason, then);

    private static Party PartyOf(Actor actor) => actor.Kind switch
    {
        ActorKind.User => Party.User,
        ActorKind.Forwarder => Party.Forwarder,
        ActorKind.Operator => Party.Operator,
        _ => Party.System,
    };

    private static DateTimeOffset By(DateTimeOffset now, TimeSpan period) => (now + period).ToUniversalTime();

    private static bool IsCategory(string? category) =>
        category is { Length: > 0 and <= MaxCategoryLength } && !category.AsSpan().ContainsAnyExcept(CategoryCharacters)
        && category[0] != '-' && category[^1] != '-';

    private static bool IsCredentialId(string? id) =>
        id is { Length: > 0 and <= 64 } && !id.AsSpan().ContainsAnyExcept(CredentialCharacters);
}
