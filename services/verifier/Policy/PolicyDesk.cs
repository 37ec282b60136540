using System.Globalization;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Policy;
using Mailkey.Policy.State;

namespace Mailkey.Verifier.Policy;

/// <summary>Gives decisions: takes the policy in force, and the state and history that its rules ask for.</summary>
public sealed class PolicyDesk(CurrentPolicy current, IPolicyState state, ISenderHistories histories)
{
    /// <summary>Decides. It never fails: a rule whose state or history can't be had is skipped.</summary>
    /// <param name="agreement">The forwarding agreement that the message came under; null for ordinary mail.</param>
    /// <returns>The decision, and the history it was made on.</returns>
    public async ValueTask<(PolicyDecision Decision, SenderHistory? History)> DecideAsync(PolicyInput input, AgreementInForce? agreement, CancellationToken cancellationToken)
    {
        var policy = current.Policy;
        SenderHistory? history = null;
        if (policy.Rules.NeedsHistory && input.SenderDomain.Length > 0)
        {
            history = await histories.RecallAsync(input.SenderDomain, cancellationToken);
            input = history is null ? input : input.With(history);
        }

        var plan = policy.Plan(input);
        var decision = plan.Queries.Count == 0 ? plan.Otherwise : plan.Settle(await state.AskAsync(plan.Queries, cancellationToken));
        if (agreement is not null && decision.Reply is null)
        {
            decision = await WithinRateAsync(agreement, input.ReceivedAt, cancellationToken) ? decision
                : new(VerdictOutcome.RateLimit, "agreement-rate", Refusals.Naming("agreement-rate", Refusals.TooManyUnderAgreement(agreement.Terms.Rate)));
        }

        histories.Note(input.SenderDomain, input.ReceivedAt, decision.Disposition);
        return (decision, history);
    }

    // Counted last, so that what is refused for another reason costs the forwarder nothing; and by days of UTC, by all verifiers together.
    private async ValueTask<bool> WithinRateAsync(AgreementInForce agreement, DateTimeOffset at, CancellationToken cancellationToken) =>
        await state.AskAsync(
            [
                new()
                {
                    Rule = "agreement-rate",
                    Kind = StateKind.RateLimit,
                    Keys = [StateKey.Of("agreement-rate", agreement.Id, at.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture))],
                    Now = at,
                    Period = TimeSpan.FromDays(1),
                    Limit = agreement.Terms.Rate,
                },
            ],
            cancellationToken) is null;
}

/// <summary>What verifiers remember together for greylisting and rate limits.</summary>
public interface IPolicyState
{
    /// <summary>Asks in order, in one round trip at most, and stops at the first query that is refused.</summary>
    /// <returns>Null when all pass, and when the state can't be asked in time.</returns>
    ValueTask<StateRefusal?> AskAsync(IReadOnlyList<StateQuery> queries, CancellationToken cancellationToken);
}

/// <summary>What verifiers remember together of sender domains.</summary>
public interface ISenderHistories
{
    /// <summary>What was seen of a domain before now; null when it can't be told in time.</summary>
    ValueTask<SenderHistory?> RecallAsync(string domain, CancellationToken cancellationToken);

    /// <summary>Counts a message; returns at once. An empty domain is not counted.</summary>
    void Note(string domain, DateTimeOffset at, Disposition disposition);
}
