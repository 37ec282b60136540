using FsCheck;
using FsCheck.Fluent;
using Mailkey.Contracts;
using Mailkey.Policy.State;

namespace Mailkey.Policy.Tests;

public sealed class ReceiverPolicyTests
{
    private static readonly Verdict Forged = Sample.Evidence with { HostState = "exists", Result = "fail", Reason = "no signature" };

    [Theory]
    [InlineData("\"accept\"", "accept", null)]
    [InlineData("\"quarantine\"", "quarantine", null)]
    [InlineData("\"reject\"", "reject", "550 5.7.1 This message is refused by a rule of this receiver (rule it)")]
    [InlineData("""{ "reject": "Go away" }""", "reject", "550 5.7.1 Go away (rule it)")]
    [InlineData("""{ "reject": { "text": "Listed", "status": "5.7.25" } }""", "reject", "550 5.7.25 Listed (rule it)")]
    [InlineData("\"defer\"", "defer", "451 4.7.1 This message is not taken now, by a rule of this receiver. Try again later (rule it)")]
    [InlineData("""{ "defer": { "text": "Not now" } }""", "defer", "451 4.7.1 Not now (rule it)")]
    public void An_outcome_that_is_final_decides_by_its_name(string then, string outcome, string? reply)
    {
        var policy = Sample.Policy($$"""{ "rules": [ { "name": "it", "then": {{then}} }, { "name": "later", "then": "reject" } ] }""");
        var plan = policy.Plan(Sample.Message());
        Assert.Empty(plan.Queries);
        Assert.Equal((outcome, "it", reply), (plan.Otherwise.Outcome, plan.Otherwise.Rule, plan.Otherwise.Reply is { } r ? $"{r.Code} {r.EnhancedCode} {r.Text}" : null));
    }

    [Theory]
    [InlineData("192.0.2.77", "4:c0000200")]
    [InlineData("::ffff:192.0.2.77", "4:c0000200")]
    [InlineData("2001:db8:1:2:3:4:5:6", "6:20010db8000100020000000000000000")]
    [InlineData("unreadable", "?")]
    public void Name_of_a_client_network_stays_as_it_is_stored(string client, string name) =>
        Assert.Equal(name, Sample.Message(client: client).ClientNetwork);

    [Fact]
    public void Without_rules_the_stage_decides_and_names_itself()
    {
        var policy = new ReceiverPolicy(new StagePolicy(PolicyStage.EnforcePublished, []), PolicyRules.None);
        Assert.Equal(PolicyDecision.Accept("no-mailkey"), policy.Plan(Sample.Message()).Otherwise);
        var refused = policy.Plan(Sample.Message(Forged)).Otherwise;
        Assert.Equal((VerdictOutcome.Reject, "published-key", Disposition.Reject), (refused.Outcome, refused.Rule, refused.Disposition));
        Assert.EndsWith("no signature (rule published-key)", refused.Reply!.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rule_behind_the_stage_can_not_take_forged_mail()
    {
        var policy = Sample.Policy("""{ "rules": [ { "name": "all", "then": "accept" } ] }""");
        Assert.Equal("published-key", policy.Plan(Sample.Message(Forged)).Otherwise.Rule);
        Assert.Equal("all", policy.Plan(Sample.Message()).Otherwise.Rule);
    }

    [Fact]
    public void A_rule_before_the_stage_takes_it_or_leaves_only_the_stage_out()
    {
        var accepting = Sample.Policy("""{ "before-stage": [ { "name": "relay", "when": { "client": "192.0.2.1" }, "then": "accept" } ], "rules": [ { "name": "all", "then": "reject" } ] }""");
        Assert.Equal((VerdictOutcome.Accept, "relay"), Of(accepting.Plan(Sample.Message(Forged)).Otherwise));
        Assert.Equal("published-key", accepting.Plan(Sample.Message(Forged, client: "192.0.2.2")).Otherwise.Rule);

        var exempting = Sample.Policy("""{ "before-stage": [ { "name": "relay", "then": "exempt" } ], "rules": [ { "name": "tls", "when": { "tls": false }, "then": "reject" } ] }""");
        Assert.Equal((VerdictOutcome.Reject, "tls"), Of(exempting.Plan(Sample.Message(Forged)).Otherwise));
        Assert.Equal((VerdictOutcome.Accept, "relay"), Of(exempting.Plan(Sample.Message(Forged, tls: "TLSv1.3")).Otherwise));
    }

    [Fact]
    public void A_signed_message_is_judged_by_the_rules_like_any_other()
    {
        var policy = Sample.Policy("""{ "rules": [ { "name": "blocked", "when": { "client": "192.0.2.1" }, "then": "reject" } ] }""");
        Assert.Equal("blocked", policy.Plan(Sample.Message(Sample.Evidence with { HostState = "exists", Result = "pass" })).Otherwise.Rule);
    }

    [Fact]
    public void Tags_go_on_and_are_fields_of_accepted_mail_alone()
    {
        const string tags = """{ "name": "one", "then": { "tag": { "field": "X-One", "value": "1 a" } } }, { "name": "two", "then": { "tag": { "field": "X-Two" } } }""";
        var accepted = Sample.Policy($$"""{ "rules": [ {{tags}}, { "name": "end", "then": "quarantine" }, { "name": "late", "then": { "tag": { "field": "X-Late" } } } ] }""").Plan(Sample.Message()).Otherwise;
        Assert.Equal(["X-Mailkey-Quarantine: end", "X-One: 1 a", "X-Two: two"], accepted.AddedFields());
        Assert.Equal(["one", "two"], accepted.Tags.Select(tag => tag.Rule));
        Assert.Empty(Sample.Policy($$"""{ "rules": [ {{tags}}, { "name": "end", "then": "reject" } ] }""").Plan(Sample.Message()).Otherwise.AddedFields());

        var many = string.Join(',', Enumerable.Range(0, 20).Select(i => $$"""{ "name": "t{{i}}", "then": { "tag": { "field": "X-{{i}}" } } }"""));
        Assert.Equal(ReceiverPolicy.MaxTags, Sample.Policy($$"""{ "rules": [ {{many}} ] }""").Plan(Sample.Message()).Otherwise.Tags.Count);
    }

    [Fact]
    public void Greylisting_and_rate_limits_ask_in_order_and_go_on()
    {
        var policy = Sample.Policy("""
            { "rules": [
                { "name": "grey", "then": { "greylist": { "delay": "1m", "window": "1h", "remember": "2d" } } },
                { "name": "other", "when": { "client": "198.51.100.1" }, "then": { "rate-limit": { "key": "client", "count": 1, "per": "1h" } } },
                { "name": "limit", "then": { "rate-limit": { "key": "recipient", "count": 2, "per": "30s", "over": "reject" } } },
                { "name": "end", "then": "quarantine" },
                { "name": "never", "then": "greylist" } ] }
            """);
        var plan = policy.Plan(Sample.Message(to: ["b@example.net", "a@example.net", "B@EXAMPLE.net"]));
        Assert.Equal(["grey", "limit"], plan.Queries.Select(query => query.Rule));
        Assert.All(plan.Queries, query => Assert.Equal(2, query.Keys.Count));
        Assert.All(plan.Queries, query => Assert.True(query.Keys[0].Bits < query.Keys[1].Bits));
        Assert.Equal("end", plan.Settle(null).Rule);

        var grey = plan.Settle(new(0, Sample.Now.AddMinutes(1)));
        Assert.Equal((VerdictOutcome.Greylist, "grey", 451), (grey.Outcome, grey.Rule, grey.Reply!.Code));
        Assert.Equal("First mail from your network with this sender and recipient: try again in 60 seconds (rule grey)", grey.Reply.Text);
        var limited = plan.Settle(new(1, Sample.Now.AddSeconds(10)));
        Assert.Equal((VerdictOutcome.RateLimit, "limit", 550), (limited.Outcome, limited.Rule, limited.Reply!.Code));
        Assert.Equal("Too many messages for this recipient: at most 2 in 30 seconds are taken; try again in 10 seconds (rule limit)", limited.Reply.Text);
    }

    [Theory]
    [InlineData("client", "192.0.2.1", "192.0.2.200", true)]
    [InlineData("client", "192.0.2.1", "192.0.3.1", false)]
    [InlineData("client", "2001:db8::1", "2001:db8::ffff:1", true)]
    [InlineData("client", "2001:db8::1", "2001:db8:0:1::1", false)]
    [InlineData("client", "::ffff:192.0.2.1", "192.0.2.9", true)]
    [InlineData("sender-domain", "192.0.2.1", "198.51.100.1", true)]
    public void A_rate_limit_counts_by_its_key(string key, string one, string other, bool same)
    {
        var policy = Sample.Policy($$"""{ "rules": [ { "name": "limit", "then": { "rate-limit": { "key": "{{key}}", "count": 1, "per": "1h" } } } ] }""");
        var state = new MemoryPolicyState();
        Assert.Null(state.Ask(policy.Plan(Sample.Message(client: one)).Queries));
        Assert.Equal(same, state.Ask(policy.Plan(Sample.Message(client: other)).Queries) is not null);
    }

    [Fact]
    public void The_steps_of_an_explanation_name_what_keeps_a_rule_from_matching()
    {
        var policy = Sample.Policy("""{ "rules": [ { "name": "a", "when": { "tls": true } , "then": "reject" }, { "name": "b", "when": { "history": { "known": true } }, "then": "reject" }, { "name": "c", "when": { "any": [ { "spf": "fail" }, { "client": "198.51.100.1" } ] }, "then": "reject" }, { "name": "d", "then": "accept" } ] }""");
        policy.Explain(Sample.Message(), out var steps);
        Assert.Equal(
            [
                new("no-mailkey", true, "the stage: mailkey host absent, result none: accept"),
                new("a", false, "tls: the message has false"),
                new("b", false, "the history of the sender is not known"),
                new("c", false, "any: none of it holds (spf: the message has unchecked; client: the message has 192.0.2.1)"),
                new PolicyStep("d", true, "accept"),
            ],
            steps);
    }

    [Fact]
    public void A_later_rule_never_wins()
    {
        // Each rule: whether it matches, and what it does.
        string[] outcomes = ["\"accept\"", "\"quarantine\"", "\"reject\"", "\"defer\"", """{ "tag": { "field": "X-T" } }""", """{ "rate-limit": { "key": "client", "count": 5, "per": "1h" } }"""];
        var rule = Gen.Choose(0, (outcomes.Length * 2) - 1);
        Prop.ForAll(Gen.ArrayOf(rule).ToArbitrary(), Gen.Choose(0, 3).ToArbitrary(), (rules, more) =>
        {
            var json = rules.Select((number, i) => $$"""{ "name": "r{{i}}", "when": { "tls": {{(number % 2 == 0 ? "false" : "true")}} }, "then": {{outcomes[number / 2]}} }""").ToList();
            var decision = Sample.Policy($$"""{ "rules": [ {{string.Join(',', json)}} ] }""").Plan(Sample.Message()).Otherwise;
            var first = Array.FindIndex(rules, number => number % 2 == 0 && number / 2 < 4);
            Assert.Equal(first < 0 ? "no-mailkey" : $"r{first}", decision.Rule);

            // What stands behind the decision changes nothing, and the same input gives the same decision.
            json.AddRange(Enumerable.Range(0, first < 0 ? 0 : more).Select(i => $$"""{ "name": "x{{i}}", "then": {{outcomes[i]}} }"""));
            var again = Sample.Policy($$"""{ "rules": [ {{string.Join(',', json)}} ] }""").Plan(Sample.Message()).Otherwise;
            Assert.Equal((decision.Outcome, decision.Rule, decision.Reply), (again.Outcome, again.Rule, again.Reply));
            Assert.Equal(decision.AddedFields(), again.AddedFields());
        }).QuickCheckThrowOnFailure();
    }

    private static (string, string) Of(PolicyDecision decision) => (decision.Outcome, decision.Rule);
}
