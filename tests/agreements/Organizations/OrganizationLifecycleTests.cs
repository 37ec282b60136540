using System.Text;
using System.Text.Json;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Tests.Agreements;

namespace Mailkey.Agreements.Tests.Organizations;

public sealed class OrganizationLifecycleTests
{
    private const string Document = "docs/agreements/states.md";

    private static readonly OrganizationPolicy[] Policies =
    [
        OrganizationPolicy.Default,
        OrganizationPolicy.Default with { NeedsApproval = true, ProposalsInProbation = 2, AgreementsInProbation = 6 },
        OrganizationPolicy.Default with { WaitingPeriod = TimeSpan.Zero, ProbationPeriod = TimeSpan.FromHours(5), HistoryMessages = 100, HistoryDays = 1, SuspendPerThousand = 500 },
        OrganizationPolicy.Default with { WaitingPeriod = TimeSpan.Zero, NeedsApproval = true },
    ];

    private static Lifecycle<OrganizationStatus> Rules => OrganizationLifecycle.Rules;

    [Fact]
    public void OrganizationLifecycle_knows_every_command()
    {
        var commands = typeof(OrganizationCommand).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(OrganizationCommand)));
        Assert.Equal(commands.OrderBy(c => c.Name, StringComparer.Ordinal), Rules.Commands.OrderBy(c => c.Name, StringComparer.Ordinal));
    }

    [Fact]
    public void Organization_does_in_every_state_what_the_table_says()
    {
        var table = new StringBuilder();
        foreach (var command in Rules.Commands)
        {
            foreach (var status in Enum.GetValues<OrganizationStatus>())
            {
                var story = OrganizationStory.At(status);
                var given = OrganizationCommandSamples.Fitting(command, story.State, story.Now);
                var decision = story.Try(given);
                var outcome = decision.Refusal is { } refusal ? $"refused {refusal.Code}"
                    : decision.Events.Count == 0 ? "nothing"
                    : $"{string.Join(", ", decision.Events.Select(e => EventNameAttribute.Of(e.GetType())))} -> {story.State.Status}";
                table.Append(command.Name).Append(" when ").Append(status).Append(": ").Append(outcome).Append('\n');

                var rule = Rules[status, command];
                Assert.True(rule.IsAllowed ? rule.To.Contains(story.State.Status) || decision.Events.Count == 0 : decision.Events.Count == 0 && decision.Refusal == rule.Refusal, table.ToString());
                if (decision.Events.Count > 0)
                {
                    story.Nothing(given);
                }
            }
        }

        Golden.Verify("Organizations/OrganizationTable.txt", table.ToString());
    }

    [Fact]
    public void Organization_lets_nobody_do_what_is_for_others()
    {
        Actor[] actors = [OrganizationStory.Forwarder, OrganizationStory.Operator, OrganizationStory.System, new(ActorKind.User, "alice@b.example"), new(ActorKind.Forwarder, "evil.example")];
        foreach (var status in Enum.GetValues<OrganizationStatus>())
        {
            foreach (var command in Rules.Commands)
            {
                foreach (var actor in actors.Where(actor => actor.Id == "evil.example" ? status != OrganizationStatus.None : !Rules.ActorsOf(command).Contains(actor.Kind)))
                {
                    var story = OrganizationStory.At(status);
                    story.Refused(OrganizationRefusals.NotYours, OrganizationCommandSamples.Fitting(command, story.State, story.Now) with { Actor = actor });
                }
            }
        }
    }

    [Fact]
    public void Organization_never_gets_into_an_impossible_state() =>
        Property.Steps(Rules.Commands.Count).Check(steps => Array.ForEach(Policies, policy => Live(policy, steps)), runs: 300, size: 120);

    [Fact]
    public void Organization_makes_every_transition_that_its_rules_name()
    {
        var random = new Random(20261122);
        var statuses = Enum.GetValues<OrganizationStatus>();
        var seen = new HashSet<(OrganizationStatus From, Type Command, OrganizationStatus To)>();
        for (var life = 0; life < 3000; life++)
        {
            var story = OrganizationStory.At(statuses[life % statuses.Length]);
            story.Policy = Policies[random.Next(Policies.Length)];
            for (var step = 0; step < 20; step++)
            {
                var from = story.State.Status;
                Type[] allowed = [.. Rules.Commands.Where(command => Rules[from, command].IsAllowed && (command != typeof(BanOrganization) || random.Next(10) == 0))];
                var command = OrganizationCommandSamples.Random(allowed[random.Next(allowed.Length)], story.State, story.Now, random.Next());
                if (story.Try(command).Events.Count > 0)
                {
                    seen.Add((from, command.GetType(), story.State.Status));
                }

                story.After(TimeSpan.FromHours(random.Next(8) == 0 ? random.Next(1000) : random.Next(14)));
            }
        }

        var unseen =
            from status in statuses
            from command in Rules.Commands
            from to in Rules[status, command].To
            where to != status && !seen.Contains((status, command, to))
            select $"{status} -- {command.Name} --> {to}";
        Assert.True(!unseen.Any(), string.Join('\n', unseen));
    }

    [Fact]
    public void OrganizationLifecycle_is_drawn_in_its_document()
    {
        LifecycleDocument.Verify(Document, "organization states", LifecycleDocument.Diagram(Rules, OrganizationStatus.None, [OrganizationStatus.Refused, OrganizationStatus.Lapsed, OrganizationStatus.Banned]));
        LifecycleDocument.Verify(Document, "organization commands", LifecycleDocument.Table(Rules));
    }

    private static void Live(OrganizationPolicy policy, Step[] steps)
    {
        var story = new OrganizationStory { Policy = policy };
        foreach (var step in steps)
        {
            story.Now += TimeSpan.FromHours(step.Hours);
            var before = story.State;
            Type[] commands = [.. Rules.Commands.Where(command => step.Seed % 7 == 0 || (Rules[before.Status, command].IsAllowed && command != typeof(BanOrganization)))];
            var chosen = commands[step.Command % commands.Length];
            var command = step.Seed % 3 == 0 ? OrganizationCommandSamples.Fitting(chosen, before, story.Now) : OrganizationCommandSamples.Random(chosen, before, story.Now, step.Seed);
            var decision = story.Try(command);
            var state = story.State;
            Assert.True(decision.Events.Count == 0 || (decision.Refusal is null && Rules[before.Status, command.GetType()].To.Contains(state.Status)), $"{command.GetType().Name} when {before.Status} led to {state.Status}");

            // Nobody is let in without both proofs, nobody at once where time or a person is asked for, and nobody proposes who is not in.
            Assert.True(state.Status != OrganizationStatus.Verified || state.Proofs.Count == 2);
            Assert.True(state.Status is not (OrganizationStatus.Waiting or OrganizationStatus.AwaitingApproval) || state.Proofs.Count == 2);
            Assert.True(!decision.Events.OfType<ProposalAdmitted>().Any() || before.Status == OrganizationStatus.Verified);
            Assert.True(!decision.Events.OfType<OrganizationVerified>().Any() || !policy.NeedsApproval || command is ApproveOrganization);
            Assert.True(state.Trust == OrganizationTrust.Probation || state.Stage == OrganizationStatus.Verified);
            Assert.True(state.Holds.IsEmpty || state.Stage == OrganizationStatus.Verified);
            Assert.True(state.AdmittedOn is null || before.AdmittedOn is null || state.AdmittedOn >= before.AdmittedOn);
            Assert.InRange(state.Admitted.Count, 0, state.Trust == OrganizationTrust.Probation && before.Trust == state.Trust ? Math.Max(before.Admitted.Count, policy.ProposalsInProbation) : policy.ProposalsPerDay);
            var standing = OrganizationStanding.Of(state, policy, story.Now);
            Assert.True(standing.ProposalsLeftToday == 0 || standing.Status == OrganizationStatus.Verified);
        }

        var replayed = story.Events.Aggregate(OrganizationState.None, (state, happened) =>
        {
            var json = JsonSerializer.Serialize(happened, happened.GetType(), AgreementsJson.Default);
            return Organization.Evolve(state, (OrganizationEvent)JsonSerializer.Deserialize(json, happened.GetType(), AgreementsJson.Default)!);
        });
        Assert.Equal(OrganizationStory.Json(story.State), OrganizationStory.Json(replayed));
    }
}
