using Mailkey.Agreements.Decisions;
using Decision = Mailkey.Agreements.Decisions.Decision<Mailkey.Agreements.Agreements.AgreementEvent>;

namespace Mailkey.Agreements.Agreements;

public static partial class Agreement
{
    private static Decision OnRequestConsent(AgreementState state, RequestConsent c, AgreementPolicy policy, DateTimeOffset now)
    {
        if (!SingleLine.IsAcceptableText(c.Text, Consent.MaxTextLength))
        {
            return AgreementRefusals.ConsentInvalid;
        }

        // Consented already, and nothing else is asked of the user: there is no question.
        var asksForPending = state.Phase != AgreementPhase.AwaitingConsent;
        if (asksForPending && state.Pending?.Awaits.Contains(Party.User) != true)
        {
            return Decision.Nothing;
        }

        if (c.Version != (asksForPending ? state.Pending!.Version : state.Version))
        {
            return AgreementRefusals.VersionDiffers;
        }

        var hash = Consent.HashOf(c.Text);
        if (state.ConsentRequests.Contains(new(c.Version, hash)))
        {
            return Decision.Nothing;
        }

        if (state.ConsentRequests.Count >= policy.ConsentRequests || policy.ConsentCaps.AreReachedBy(c.Load))
        {
            return AgreementRefusals.TooManyRequests;
        }

        return new ConsentRequested(c.Version, hash, By(now, asksForPending ? policy.TermsPeriod : policy.ConsentPeriod));
    }

    private static Decision OnGiveConsent(AgreementState state, GiveConsent c, AgreementPolicy policy, DateTimeOffset now)
    {
        if (ConsentBy(state, c.Actor, c.Version, c.Answer, now, out var consent) is { } refusal)
        {
            return refusal;
        }

        if (state.Phase != AgreementPhase.AwaitingConsent)
        {
            return state.Consents.Contains(new(c.Version, consent!.TextHash)) ? Decision.Nothing : AgreementRefusals.ConsentSettled;
        }

        return c.Version == state.Version ? Consented(state, consent!, c.Risk, policy, now) : AgreementRefusals.VersionDiffers;
    }

    private static Decision OnAcceptConsentEvidence(AgreementState state, AcceptConsentEvidence c, AgreementPolicy policy, DateTimeOffset now) =>
        state.Evidence is { } evidence && policy.EvidenceCategories.Contains(state.Category)
            && new ConsentAnswer(ConsentMeans.ForwarderEvidence, evidence.From, evidence.Text).By(state.Account, evidence.When) is { } consent
            ? Consented(state, consent, c.Risk, policy, now)
            : AgreementRefusals.EvidenceNotAccepted;

    // With the consent, what is to be in force is settled: other terms that still wait were asked for before it, and are asked for anew or not at all.
    private static Decision Consented(AgreementState state, Consent consent, int risk, AgreementPolicy policy, DateTimeOffset now)
    {
        List<AgreementEvent> events = [];
        if (state.Pending is { } pending)
        {
            events.Add(new TermsWithdrawn(pending.Version));
        }

        events.Add(new ConsentGiven(state.Version, consent));
        var gates = policy.Approval.For(state, risk);
        events.Add(gates.Count > 0
            ? new ApprovalRequested(gates, By(now, policy.ApprovalPeriod))
            : new AgreementActivated(state.Version, policy.Trust.BeginProbation(now)));
        return Decision.Of(events);
    }

    // Evidence and import are other roads than a user's own answer.
    private static Refusal? ConsentBy(AgreementState state, Actor user, int version, ConsentAnswer? answer, DateTimeOffset now, out Consent? consent)
    {
        consent = answer?.By(user.Id, now);
        if (answer is null)
        {
            return AgreementRefusals.ConsentNeeded;
        }

        if (consent is null || answer.How is ConsentMeans.ForwarderEvidence or ConsentMeans.OperatorImport)
        {
            return AgreementRefusals.ConsentInvalid;
        }

        // An answer by mail is an answer to a question, whose words are known.
        var hash = consent.TextHash;
        return answer.How is ConsentMeans.MailLink or ConsentMeans.MailReply
            && !state.ConsentRequests.Contains(new(version, hash)) && !state.Consents.Contains(new(version, hash))
            ? AgreementRefusals.ConsentTextDiffers
            : null;
    }
}
