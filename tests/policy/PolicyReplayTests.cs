using Mailkey.Contracts;
using Mailkey.Policy.Replay;

namespace Mailkey.Policy.Tests;

public sealed class PolicyReplayTests
{
    [Fact]
    public void A_replay_counts_what_would_be_different()
    {
        var replay = new PolicyReplay(Sample.Policy("""{ "rules": [ { "name": "spf", "when": { "spf": "fail" }, "then": "quarantine" }, { "name": "hist", "when": { "history": { "known": true } }, "then": "reject" } ] }""", PolicyStage.RequireAll));
        replay.Add(Then("q1", Sample.Evidence));
        replay.Add(Then("q2", Sample.Evidence with { Domain = "other.example" }, VerdictOutcome.Reject, "mine"));
        replay.Add(Then("q3", Signed with { Spf = new() { Result = "fail", Identity = "mailfrom", Domain = "example.org" } }));
        replay.Add(Then("q4", Signed, rule: "earlier"));

        Assert.Equal((4L, 2L, 2L, 2L, 0L, 1L, 4L), (replay.Messages, replay.Changed, replay.OtherRule, replay.WouldRefuse, replay.WouldDefer, replay.AcceptedNow, replay.WithoutHistory));
        Assert.Equal(["accept -> quarantine 1 signed -> spf q3", "accept -> reject 1 no-mailkey -> require-all q1"], replay.Changes.Select(change =>
            $"{change.Before} -> {change.After} {change.Count} {change.Rules.Single().Before} -> {change.Rules.Single().After} {change.Examples[0].QueueId}").Order());
        Assert.Equal([("example.org", 3L, 1L, 1L), ("other.example", 1L, 1L, 0L)], replay.Domains.Select(domain => (domain.Domain, domain.Messages, domain.WouldRefuse, domain.AcceptedNow)));
    }

    [Fact]
    public void A_replay_greylists_by_the_times_of_the_messages()
    {
        var replay = new PolicyReplay(Sample.Policy("""{ "rules": [ { "name": "grey", "then": { "greylist": { "delay": "5m" } } } ] }"""));
        Assert.Equal(VerdictOutcome.Greylist, replay.Add(At(0)).Outcome);
        Assert.Equal(VerdictOutcome.Greylist, replay.Add(At(4)).Outcome);
        Assert.Equal(VerdictOutcome.Accept, replay.Add(At(5)).Outcome);
        Assert.Equal((2L, 2L), (replay.Changed, replay.WouldDefer));

        static ReplayedMessage At(int minutes)
        {
            var message = Sample.Message();
            return new("q", new(message.Connection, message.Envelope, message.Evidence, 1, Sample.Now.AddMinutes(minutes)), VerdictOutcome.Accept, "no-mailkey");
        }
    }

    [Fact]
    public void The_outcome_of_older_events_follows_from_the_reply()
    {
        var message = Sample.Message();
        Contracts.Journal.TransactionRefused refused = new()
        {
            Connection = message.Connection, Envelope = message.Envelope, Size = 9, Verdict = message.Evidence with { Rule = "published-key" },
            Reply = new() { Code = 550, EnhancedCode = "5.7.20", Text = "" },
        };
        Assert.Equal(VerdictOutcome.Reject, ReplayedMessage.From("q", refused, Sample.Now)!.Outcome);
        Assert.Equal(VerdictOutcome.Defer, ReplayedMessage.From("q", refused with { Reply = refused.Reply with { Code = 451 } }, Sample.Now)!.Outcome);

        // Policy took it; the disk was full.
        Assert.Equal(VerdictOutcome.Accept, ReplayedMessage.From("q", refused with { Reply = refused.Reply with { Code = 451 }, Verdict = message.Evidence with { Rule = "signed" } }, Sample.Now)!.Outcome);
        Assert.Null(ReplayedMessage.From("q", refused with { Verdict = null }, Sample.Now));
    }

    private static Verdict Signed => Sample.Evidence with { HostState = "exists", Result = "pass" };

    private static ReplayedMessage Then(string queueId, Verdict evidence, string outcome = VerdictOutcome.Accept, string? rule = null) =>
        new(queueId, Sample.Message(evidence), outcome, rule ?? (evidence.Result == "pass" ? "signed" : "no-mailkey"));
}
