using System.Collections.Immutable;
using System.Diagnostics;

namespace Mailkey.Agreements.Agreements;

public static partial class Agreement
{
    private const string MisusePrefix = "misuse ";

    /// <summary>The state after one more event. It knows no rules: what happened, happened.</summary>
    /// <exception cref="UnreachableException">An event that this program does not know.</exception>
    public static AgreementState Evolve(AgreementState state, AgreementEvent happened) => happened switch
    {
        AgreementProposed e => state with
        {
            Phase = AgreementPhase.Proposed,
            Forwarder = e.Forwarder,
            Recipient = e.Recipient,
            Account = e.Account,
            Category = e.Category,
            Subscription = e.Subscription,
            DisplayName = e.DisplayName,
            Methods = [.. e.Methods],
            Evidence = e.Evidence,
            Versions = [new(1, e.Terms, e.By, TermsStanding.Offered)],
            Version = 1,
            AnswerBy = e.AnswerBy,
        },
        ProofRequested e => state with { Phase = AgreementPhase.AwaitingProof, AnswerBy = e.AnswerBy },
        ProofAccepted e => state with { Phase = AgreementPhase.AwaitingConsent, AnswerBy = e.AnswerBy },
        ConsentRequested e => state with
        {
            ConsentRequests = state.ConsentRequests.Add(new(e.Version, e.TextHash)),
            AnswerBy = state.Phase == AgreementPhase.AwaitingConsent ? e.AnswerBy : state.AnswerBy,
        },
        ConsentGiven e => state with { Consents = state.Consents.Add(new(e.Version, e.Consent.TextHash)), ConsentRequests = [] },
        ApprovalRequested e => state with { Phase = AgreementPhase.AwaitingApproval, Gates = [.. e.Gates], AnswerBy = e.AnswerBy },
        ApprovalGiven => state with { Gates = [] },
        AgreementActivated e => Mark(state, e.Version, TermsStanding.Binding) with
        {
            Phase = AgreementPhase.InForce,
            Trust = TrustLevel.Probation,
            Probation = e.Probation,
            AnswerBy = null,
        },

        TermsProposed e => Mark(state, state.Pending?.Version, TermsStanding.Superseded) with
        {
            Versions = Mark(state, state.Pending?.Version, TermsStanding.Superseded).Versions.Add(new(e.Version, e.Terms, e.By, TermsStanding.Pending)),
            Pending = new(e.Version, e.By, [.. e.Awaits], e.AnswerBy),
        },
        TermsAccepted e when state.Pending is { } pending && pending.Version == e.Version =>
            state with { Pending = pending with { Awaits = pending.Awaits.Remove(e.By) } },
        TermsAccepted => state,
        TermsAgreed e => Mark(Mark(state, state.Version, TermsStanding.Superseded), e.Version, state.Phase == AgreementPhase.InForce ? TermsStanding.Binding : TermsStanding.Offered) with
        {
            Version = e.Version,
            Pending = null,
        },
        TermsDeclined e => Mark(state, e.Version, TermsStanding.Declined) with { Pending = null },
        TermsWithdrawn e => Mark(state, e.Version, TermsStanding.Withdrawn) with { Pending = null },
        TermsLapsed e => Mark(state, e.Version, TermsStanding.Lapsed) with { Pending = null },

        AddressAssigned e => state with { Address = e.Address, LeakedAddress = null, Issued = (state.Issued ?? 0) + 1 },
        AddressLeaked e => state with { LeakedAddress = e.Address },
        CredentialIssued e => state with
        {
            Credentials = [.. state.Credentials.TakeLast(1).Select(c => c with { Ends = e.PreviousEnds }), new(e.CredentialId, null)],
            Issued = (state.Issued ?? 0) + 1,
        },
        CredentialWithdrawn e => state with { Credentials = state.Credentials.RemoveAll(c => c.Id == e.CredentialId) },

        TrafficRecorded e => state with { Traffic = state.Traffic.With(e.Day, e.Messages) },
        ComplaintReceived e => state with
        {
            Complaints = [.. state.Complaints.Where(c => c.Class != e.Class || c.Scope != e.Scope), new(e.Class, e.Scope, CountOf(state, e.Class, e.Scope) + 1)],
            Reports = state.Reports.Add(ReportOf(e.Scope, e.Reference)),
        },
        MisuseObserved e => state with
        {
            Misuse = [.. state.Misuse.Where(m => m.Kind != e.Kind), new(e.Kind, CountOf(state, e.Kind) + 1)],
            Reports = state.Reports.Add(ReportOf(e.Kind, e.Reference)),
        },
        MessageReplayed e => state with { Replayed = e.Day },
        AgreementPromoted => state with { Trust = TrustLevel.Established, Probation = null },

        // A new history begins: what was counted has had its effect.
        AgreementDemoted e => state with
        {
            Trust = TrustLevel.Probation,
            Probation = e.Probation,
            Traffic = TrafficHistory.Empty,
            Complaints = [],
            Misuse = [],
        },

        AgreementPaused => Held(state, Hold.Pause),
        AgreementResumed => Released(state, Hold.Pause),
        AgreementSuspended e => Held(state, e.Hold),
        SuspensionLifted e => Released(state, e.Hold),

        AgreementRefused => Over(state, AgreementPhase.Refused),
        AgreementRevoked => Over(state, AgreementPhase.Revoked),
        AgreementExpired e => Over(state, AgreementPhase.Expired) with { ExpiredIn = e.Phase },
        AgreementReopened e => Mark(state, state.Version, TermsStanding.Offered) with
        {
            Phase = e.Phase,
            ExpiredIn = null,
            AnswerBy = e.AnswerBy,
            ConsentRequests = [],
            Resumptions = state.Resumptions + 1,
        },
        _ => throw new UnreachableException($"{happened.GetType()} is no event of an agreement that this program knows."),
    };

    private static AgreementState Mark(AgreementState state, int? version, TermsStanding standing) => version is not { } number ? state : state with
    {
        Versions = state.Versions.SetItem(number - 1, state.Versions[number - 1] with { Standing = standing }),
    };

    private static AgreementState Held(AgreementState state, Hold hold) =>
        state.Holds.Contains(hold) ? state : state with { Holds = state.Holds.Add(hold) };

    private static AgreementState Released(AgreementState state, Hold hold) => state with { Holds = state.Holds.Remove(hold) };

    // Nothing binds any more, and nobody is waited for; what is known stays.
    private static AgreementState Over(AgreementState state, AgreementPhase phase) =>
        Mark(Mark(state, state.Pending?.Version, TermsStanding.Lapsed), state.Version, TermsStanding.Ended) with
        {
            Phase = phase,
            Pending = null,
            AnswerBy = null,
            Holds = [],
            Credentials = [],
        };

    private static int CountOf(AgreementState state, ComplaintClass @class, ComplaintScope scope) =>
        state.Complaints.Find(c => c.Class == @class && c.Scope == scope)?.Count ?? 0;

    private static int CountOf(AgreementState state, MisuseKind kind) => state.Misuse.Find(m => m.Kind == kind)?.Count ?? 0;

    private static string ReportOf(ComplaintScope scope, string reference) => $"{(scope == ComplaintScope.Message ? "message" : "series")} {reference}";

    private static string ReportOf(MisuseKind kind, string reference) => $"{MisusePrefix}{(int)kind} {reference}";

    private static int CountReports(AgreementState state, bool ofMisuse) => state.Reports.Count(report => report.StartsWith(MisusePrefix, StringComparison.Ordinal) == ofMisuse);
}
