using System.Text;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Tests.Agreements;

public sealed class AgreementLifecycleTests
{
    private const string Document = "docs/agreements/states.md";

    private static Lifecycle<AgreementStatus> Rules => AgreementLifecycle.Rules;

    [Fact]
    public void AgreementLifecycle_knows_every_command()
    {
        var commands = typeof(AgreementCommand).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(AgreementCommand)));
        Assert.Equal(commands.OrderBy(c => c.Name, StringComparer.Ordinal), Rules.Commands.OrderBy(c => c.Name, StringComparer.Ordinal));
    }

    [Fact]
    public void Agreement_answers_every_command_in_every_state_as_the_rules_say()
    {
        foreach (var status in Enum.GetValues<AgreementStatus>())
        {
            foreach (var command in Rules.Commands)
            {
                var story = Story.At(status);
                var decision = story.Try(AgreementCommandSamples.Fitting(command, story.State, story.Now));
                var rule = Rules[status, command];
                var what = $"{command.Name} when {status}";
                if (rule.IsAllowed)
                {
                    var isLed = rule.To.Contains(story.State.Status) || (decision.Refusal is not null && story.State.Status == status);
                    Assert.True(isLed, $"{what} led to {story.State.Status}");
                }
                else
                {
                    Assert.True(decision.Events.Count == 0 && decision.Refusal == rule.Refusal, $"{what}: {decision.Refusal?.Code ?? "no refusal"}");
                }
            }
        }
    }

    /// <summary>What one fitting command does in each state, word for word: a change of a rule shows here, and is meant or a mistake.</summary>
    [Fact]
    public void Agreement_does_in_every_state_what_the_table_says()
    {
        var table = new StringBuilder();
        foreach (var command in Rules.Commands)
        {
            foreach (var status in Enum.GetValues<AgreementStatus>())
            {
                var story = Story.At(status);
                var decision = story.Try(AgreementCommandSamples.Fitting(command, story.State, story.Now));
                var outcome = decision.Refusal is { } refusal ? $"refused {refusal.Code}"
                    : decision.Events.Count == 0 ? "nothing"
                    : $"{string.Join(", ", decision.Events.Select(e => EventNameAttribute.Of(e.GetType())))} -> {story.State.Status}";
                table.Append(command.Name).Append(" when ").Append(status).Append(": ").Append(outcome).Append('\n');
            }
        }

        Golden.Verify("Agreements/AgreementTable.txt", table.ToString());
    }

    [Fact]
    public void Agreement_lets_nobody_do_what_is_for_others()
    {
        Actor[] actors = [Story.User, Story.Forwarder, Story.Operator, Story.System];
        foreach (var status in Enum.GetValues<AgreementStatus>())
        {
            foreach (var command in Rules.Commands)
            {
                foreach (var actor in actors.Where(actor => !Rules.ActorsOf(command).Contains(actor.Kind)))
                {
                    var story = Story.At(status);
                    story.Refused(AgreementRefusals.NotYours, AgreementCommandSamples.Fitting(command, story.State, story.Now) with { Actor = actor });
                }
            }
        }
    }

    [Fact]
    public void Agreement_is_nobodys_but_its_sides()
    {
        Actor[] strangers = [new(ActorKind.User, "mallory@b.example"), new(ActorKind.Forwarder, "evil.example"), new(ActorKind.Forwarder, "sub.a.example")];
        foreach (var status in Enum.GetValues<AgreementStatus>().Except([AgreementStatus.None]))
        {
            foreach (var command in Rules.Commands)
            {
                foreach (var stranger in strangers)
                {
                    var story = Story.At(status);
                    story.Refused(AgreementRefusals.NotYours, AgreementCommandSamples.Fitting(command, story.State, story.Now) with { Actor = stranger });
                }
            }
        }
    }

    [Fact]
    public void Agreement_does_not_do_the_same_twice()
    {
        // What is counted is counted once; what is asked for again has happened.
        foreach (var status in Enum.GetValues<AgreementStatus>())
        {
            foreach (var command in Rules.Commands)
            {
                var story = Story.At(status);
                var given = AgreementCommandSamples.Fitting(command, story.State, story.Now);
                if (story.Try(given).Events.Count > 0)
                {
                    var again = story.Try(given);
                    Assert.True(again.Events.Count == 0 && again.Refusal is null, $"{command.Name} when {status}, again: {again.Refusal?.Code ?? "events"}");
                }
            }
        }
    }

    [Fact]
    public void AgreementLifecycle_is_drawn_in_its_document()
    {
        LifecycleDocument.Verify(Document, "agreement states", LifecycleDocument.Diagram(Rules, AgreementStatus.None, [AgreementStatus.Refused, AgreementStatus.Revoked, AgreementStatus.Expired]));
        LifecycleDocument.Verify(Document, "agreement commands", LifecycleDocument.Table(Rules));
    }

    [Fact]
    public void Lifecycle_refuses_to_begin_with_a_pair_that_is_not_decided()
    {
        var fault = Assert.Throws<InvalidOperationException>(() => new Lifecycle<AgreementStatus>([Lifecycle<AgreementStatus>.On<End>(ActorKind.User).Nothing(AgreementStatus.None)]));
        Assert.Contains("End is not decided for Proposed", fault.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Lifecycle<AgreementStatus>.On<End>(ActorKind.User).Nothing(AgreementStatus.None).Stays(AgreementStatus.None));
    }
}
