using Mailkey.Agreements.Decisions;
using Decision = Mailkey.Agreements.Decisions.Decision<Mailkey.Agreements.Agreements.AgreementEvent>;

namespace Mailkey.Agreements.Agreements;

public static partial class Agreement
{
    private static Decision OnProposeTerms(AgreementState state, ProposeTerms c, AgreementPolicy policy, DateTimeOffset now)
    {
        var party = PartyOf(c.Actor);
        if (c.Terms.Check(policy.Limits, now, out var terms) is { } refusal)
        {
            return refusal;
        }

        if (terms == state.Terms)
        {
            return Decision.Nothing;
        }

        if (state.Pending is { } pending && state.Versions[pending.Version - 1].Terms == terms)
        {
            return pending.By == party ? Decision.Nothing : AgreementRefusals.AlreadyProposed;
        }

        if (state.Versions.Count >= MaxVersions || (party == Party.Forwarder && state.Versions.Count(version => version.By == party) >= MaxVersionsByForwarder))
        {
            return AgreementRefusals.TooManyVersions;
        }

        var number = state.Versions.Count + 1;
        var isConsented = IsConsented(state);
        var isLess = terms.GrantNoMoreThan(state.Terms!);
        IReadOnlyList<Party> awaits = party switch
        {
            Party.Forwarder when !isConsented || (isLess && policy.LesserTermsBindAtOnce) => [],
            Party.Forwarder => [Party.User],

            // The receiver's side could end it; so it may as well restrict it.
            _ when isLess => [],
            Party.Operator when isConsented => [Party.User, Party.Forwarder],
            _ => [Party.Forwarder],
        };

        List<AgreementEvent> events = [new TermsProposed(number, terms, party, awaits, By(now, policy.TermsPeriod))];
        if (party == Party.User && isConsented && !isLess)
        {
            if (ConsentBy(state, c.Actor, number, c.Answer, now, out var consent) is { } lacking)
            {
                return lacking;
            }

            events.Add(new ConsentGiven(number, consent!));
        }

        if (awaits.Count == 0)
        {
            events.Add(new TermsAgreed(number));
        }

        return Decision.Of(events);
    }

    private static Decision OnAcceptTerms(AgreementState state, AcceptTerms c, AgreementPolicy policy, DateTimeOffset now)
    {
        var party = PartyOf(c.Actor);
        if (state.Pending is not { } pending || pending.Version != c.Version)
        {
            return c.Version == state.Version && c.Version > 1 ? Decision.Nothing
                : state.Pending is null ? AgreementRefusals.NothingProposed
                : AgreementRefusals.VersionDiffers;
        }

        if (!pending.Awaits.Contains(party))
        {
            return pending.By == party ? AgreementRefusals.NotYours : Decision.Nothing;
        }

        if (pending.AnswerBy <= now)
        {
            return AgreementRefusals.Deadline;
        }

        // Time has passed, and the operator may have changed the limits.
        if (state.Versions[pending.Version - 1].Terms.Check(policy.Limits, now, out _) is { } refusal)
        {
            return refusal;
        }

        List<AgreementEvent> events = [];
        if (party == Party.User)
        {
            if (ConsentBy(state, c.Actor, c.Version, c.Answer, now, out var consent) is { } lacking)
            {
                return lacking;
            }

            events.Add(new ConsentGiven(c.Version, consent!));
        }

        events.Add(new TermsAccepted(c.Version, party));
        if (pending.Awaits.Count == 1)
        {
            events.Add(new TermsAgreed(c.Version));
        }

        return Decision.Of(events);
    }

    private static Decision OnDeclineTerms(AgreementState state, DeclineTerms c)
    {
        var party = PartyOf(c.Actor);
        if (state.Pending is not { } pending || pending.Version != c.Version)
        {
            return NotPending(state, c.Version, TermsStanding.Declined);
        }

        // An operator may say no to whatever others ask for.
        return pending.Awaits.Contains(party) || (party == Party.Operator && pending.By != party)
            ? OptionallyReasoned(c.Reason, reason => new TermsDeclined(c.Version, party, reason))
            : AgreementRefusals.NotYours;
    }

    private static Decision OnWithdrawTerms(AgreementState state, WithdrawTerms c)
    {
        if (state.Pending is not { } pending || pending.Version != c.Version)
        {
            return NotPending(state, c.Version, TermsStanding.Withdrawn);
        }

        return pending.By == PartyOf(c.Actor) ? new TermsWithdrawn(c.Version) : AgreementRefusals.NotYours;
    }

    private static Decision NotPending(AgreementState state, int version, TermsStanding done) =>
        version >= 1 && version <= state.Versions.Count && state.Versions[version - 1].Standing == done ? Decision.Nothing
        : state.Pending is null ? AgreementRefusals.NothingProposed
        : AgreementRefusals.VersionDiffers;

    private static bool IsConsented(AgreementState state) => state.Phase is AgreementPhase.AwaitingApproval or AgreementPhase.InForce;
}
