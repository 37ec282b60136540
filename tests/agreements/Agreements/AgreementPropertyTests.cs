using System.Text.Json;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Tests.Agreements;

/// <summary>What no sequence of commands, in whatever order and by whomever, can bring about.</summary>
public sealed class AgreementPropertyTests
{
    private static readonly AgreementPolicy[] Policies =
    [
        AgreementPolicy.Default,
        AgreementPolicy.Default with
        {
            Approval = new() { RiskFrom = 30, Categories = new HashSet<string>(StringComparer.Ordinal) { "newsletter" } },
            EvidenceCategories = new HashSet<string>(StringComparer.Ordinal) { "mailing-list" },
            LesserTermsBindAtOnce = false,
            Trust = new() { ProbationPeriod = TimeSpan.FromHours(10), HistoryDays = 2, ReportsPerThousand = 100, SuspendsOnLeak = true },
        },
        AgreementPolicy.Default with
        {
            Limits = new() { Rate = 200 },
            Trust = new() { ProbationPeriod = TimeSpan.Zero, HistoryDays = 1, HistoryMessages = 1, ReportsPerThousand = 1000, Complaints = [], SuspendsOnLeak = true },
        },
    ];

    [Fact]
    public void Agreement_never_gets_into_an_impossible_state() =>
        Property.Steps(AgreementLifecycle.Rules.Commands.Count).Check(steps => Array.ForEach(Policies, policy => Live(policy, steps)), runs: 250, size: 150);

    [Fact]
    public void Agreement_makes_every_transition_that_its_rules_name()
    {
        // Always the same lives; commands that are out of place are left out, so that each comes far.
        var random = new Random(20261122);
        var seen = new HashSet<(AgreementStatus From, Type Command, AgreementStatus To)>();
        var statuses = Enum.GetValues<AgreementStatus>();
        for (var life = 0; life < 4000; life++)
        {
            var story = Story.At(statuses[life % statuses.Length], random.Next(4) == 0 ? Story.Start.AddDays(30) : null);
            story.Policy = Policies[random.Next(Policies.Length)];
            for (var step = 0; step < 20; step++)
            {
                var from = story.State.Status;
                Type[] allowed = [.. AgreementLifecycle.Rules.Commands.Where(command => AgreementLifecycle.Rules[from, command].IsAllowed && (command != typeof(End) || random.Next(10) == 0))];
                var chosen = Agreement.IsOver(story.State, story.Now) && random.Next(2) == 0 ? typeof(CheckDeadlines) : allowed[random.Next(allowed.Length)];
                var command = AgreementCommandSamples.Random(chosen, story.State, story.Now, random.Next());
                if (story.Try(command).Events.Count > 0)
                {
                    seen.Add((from, command.GetType(), story.State.Status));
                }

                story.After(TimeSpan.FromHours(random.Next(12) == 0 ? random.Next(400) : random.Next(14)));
            }
        }

        var unseen =
            from status in statuses
            from command in AgreementLifecycle.Rules.Commands
            from to in AgreementLifecycle.Rules[status, command].To
            where to != status && !seen.Contains((status, command, to))
            select $"{status} -- {command.Name} --> {to}";
        Assert.True(!unseen.Any(), string.Join('\n', unseen));
    }

    private static void Live(AgreementPolicy policy, Step[] steps)
    {
        var story = new Story { Policy = policy };
        foreach (var step in steps)
        {
            story.Now += TimeSpan.FromHours(step.Hours);
            var before = story.State;
            var command = Choose(before, story.Now, step);
            var rule = AgreementLifecycle.Rules[before.Status, command.GetType()];
            var decision = story.Try(command);

            Assert.True(decision.Events.Count == 0 || decision.Refusal is null);
            Assert.True(decision.Events.Count == 0 || rule.To.Contains(story.State.Status), $"{command.GetType().Name} when {before.Status} led to {story.State.Status}");
            Assert.True(decision.Refusal is not { } refusal || (refusal.Text.Length < 500 && !refusal.Text.Any(char.IsControl)));
            AssertPossible(story.State, policy, story.Now);
            AssertForward(before, story.State);
        }

        AssertReplayable(story);
    }

    // Mostly what is not out of place, so that a life comes far; ends are rare; a third is what fits best.
    private static AgreementCommand Choose(AgreementState state, DateTimeOffset now, Step step)
    {
        Type[] commands = step.Seed % 7 == 0
            ? [.. AgreementLifecycle.Rules.Commands]
            : [.. AgreementLifecycle.Rules.Commands.Where(command => AgreementLifecycle.Rules[state.Status, command].IsAllowed
                && (step.Seed % 11 == 0 || (command != typeof(End) && command != typeof(RefuseConsent) && command != typeof(Disapprove) && command != typeof(RejectProof))))];
        var chosen = commands[step.Command % commands.Length];
        return step.Seed % 3 == 0 ? AgreementCommandSamples.Fitting(chosen, state, now) : AgreementCommandSamples.Random(chosen, state, now, step.Seed);
    }

    private static void AssertPossible(AgreementState state, AgreementPolicy policy, DateTimeOffset now)
    {
        var isInForce = state.Phase == AgreementPhase.InForce;
        var isConsented = isInForce || state.Phase == AgreementPhase.AwaitingApproval;

        // Whoever has an address is anybody, and stops nothing.
        Assert.True(policy.Trust.SuspendsOnLeak || !state.Holds.Contains(Hold.AddressLeak), "suspended by a stranger");
        Assert.True(state.LeakedAddress is null || state.LeakedAddress == state.Address, "an alarm about an address that is void");

        // Nothing is in force, or waits for a person, that the user did not consent to, or to more than it.
        Assert.True(!isConsented || state.Consents.Exists(consent => state.Terms!.GrantNoMoreThan(state.Versions[consent.Version - 1].Terms)), "terms without consent");

        // One version binds, if one does.
        Assert.Equal(isInForce ? 1 : 0, state.Versions.Count(version => version.Standing == TermsStanding.Binding));
        Assert.True(state.Versions.Count(version => version.Standing == TermsStanding.Offered) <= 1);
        Assert.Equal(state.Pending is null ? 0 : 1, state.Versions.Count(version => version.Standing == TermsStanding.Pending));
        Assert.True(!isInForce || state.Versions[state.Version - 1].Standing == TermsStanding.Binding);
        Assert.Equal(Enumerable.Range(1, state.Versions.Count), state.Versions.Select(version => version.Number));

        foreach (var version in state.Versions)
        {
            Assert.InRange(version.Terms.Rate, 1, policy.Limits.Rate);
            Assert.InRange(version.Terms.Size, 1, policy.Limits.Size);
        }

        // What acts on mail.
        var acting = state.TermsInForce(now);
        Assert.True(acting is null || (isInForce && state.Holds.IsEmpty && !(state.Terms!.Expires <= now)));
        if (acting is not null && state.Trust == TrustLevel.Probation)
        {
            Assert.False(acting.SkipsChecks);
            Assert.InRange(acting.Rate, 1, policy.Trust.ProbationRate);
            Assert.InRange(acting.Size, 1, policy.Trust.ProbationSize);
        }

        Assert.True(state.Pending is not { } pending || (!pending.Awaits.IsEmpty && !pending.Awaits.Contains(pending.By)), "nobody has to accept");
        Assert.Equal(state.Holds.Distinct().Count(), state.Holds.Count);
        Assert.True(isInForce || state.Holds.IsEmpty);
        Assert.InRange(state.Credentials.Count, 0, 2);
        Assert.InRange(state.Reports.Count, 0, 2 * Agreement.MaxReports);
        Assert.Equal(state.Reports.Count, state.Reports.Distinct(StringComparer.Ordinal).Count());
        Assert.True(state.ConsentRequests.Count <= policy.ConsentRequests);
    }

    // Versions are added and never changed; days only pass; what ended stays ended, but for a negotiation that is resumed.
    private static void AssertForward(AgreementState before, AgreementState after)
    {
        Assert.True(after.Versions.Count >= before.Versions.Count);
        Assert.All(before.Versions, version => Assert.Equal(version.Terms, after.Versions[version.Number - 1].Terms));
        Assert.True(before.Phase == AgreementPhase.None || (after.Forwarder == before.Forwarder && after.Recipient == before.Recipient && after.Account == before.Account));
        Assert.True(before.Traffic.LastDay is null || after.Traffic.LastDay is null || after.Traffic.LastDay >= before.Traffic.LastDay);
        Assert.True(before.Phase is not (AgreementPhase.Refused or AgreementPhase.Revoked) || after.Phase == before.Phase);
        Assert.True(before.Phase != AgreementPhase.Expired || before.ExpiredIn != AgreementPhase.InForce || after.Phase == AgreementPhase.Expired);
        Assert.True(before.Phase != AgreementPhase.InForce || after.Phase is AgreementPhase.InForce or AgreementPhase.Revoked or AgreementPhase.Expired);
    }

    // Through the JSON that is stored, and in any number of pieces.
    private static void AssertReplayable(Story story)
    {
        var replayed = story.Events.Aggregate(AgreementState.None, (state, happened) =>
        {
            var json = JsonSerializer.Serialize(happened, happened.GetType(), AgreementsJson.Default);
            return Agreement.Evolve(state, (AgreementEvent)JsonSerializer.Deserialize(json, happened.GetType(), AgreementsJson.Default)!);
        });
        Assert.Equal(Story.Json(story.State), Story.Json(replayed));
        var snapshot = JsonSerializer.Deserialize(JsonSerializer.Serialize(replayed, AgreementsJson.Default.AgreementState), AgreementsJson.Default.AgreementState)!;
        Assert.Equal(Story.Json(replayed), Story.Json(snapshot));
    }
}
