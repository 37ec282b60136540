using Mailkey.Contracts;
using Mailkey.Policy;

namespace Mailkey.Policy.Tests;

public sealed class StagePolicyTests
{
    private const string Domain = "example.org";

    [Theory]
    [InlineData("enforce-published", "exists", "pass", Disposition.Accept, "signed", null, null)]
    [InlineData("enforce-published", "exists", "neutral", Disposition.Accept, "test-key", null, null)]
    [InlineData("enforce-published", "exists", "fail", Disposition.Reject, "published-key", 550, "5.7.20")]
    [InlineData("enforce-published", "exists", "permerror", Disposition.Reject, "published-key", 550, "5.7.20")]
    [InlineData("enforce-published", "absent", "none", Disposition.Accept, "no-mailkey", null, null)]
    [InlineData("enforce-published", "unknown", "temperror", Disposition.Defer, "key-host-unknown", 451, "4.7.5")]
    [InlineData("require-listed", "absent", "none", Disposition.Accept, "no-mailkey", null, null)]
    [InlineData("require-all", "absent", "none", Disposition.Reject, "require-all", 550, "5.7.1")]
    [InlineData("require-all", "exists", "pass", Disposition.Accept, "signed", null, null)]
    [InlineData("require-all", "unknown", "temperror", Disposition.Defer, "key-host-unknown", 451, "4.7.5")]
    [InlineData("enforce-published", "exists", "temperror", Disposition.Defer, "key-host-unknown", 451, "4.7.5")]
    [InlineData("require-all", "exists", "temperror", Disposition.Defer, "key-host-unknown", 451, "4.7.5")]
    [InlineData("observe", "exists", "fail", Disposition.Accept, "observe", null, null)]
    [InlineData("observe", "unknown", "temperror", Disposition.Accept, "observe", null, null)]
    public void Decide_gives_each_state_its_own_reply(
        string stage, string state, string result, Disposition disposition, string rule, int? code, string? enhancedCode)
    {
        var decision = new StagePolicy(new() { Stage = stage }).Decide(Domain, state, result, "because");

        Assert.Equal((disposition, rule, code, enhancedCode), (decision.Disposition, decision.Rule, decision.Reply?.Code, decision.Reply?.EnhancedCode));
    }

    [Theory]
    [InlineData("big.example", "require-listed")]
    [InlineData("xn--bcher-kva.example", "require-listed")]
    [InlineData("other.example", "no-mailkey")]
    public void Decide_refuses_listed_domains_without_mailkey(string domain, string rule)
    {
        var policy = new StagePolicy(new() { Stage = "require-listed", RequiredDomains = ["BIG.example.", "bücher.example"] });

        Assert.Equal(rule, policy.Decide(domain, "absent", "none", "").Rule);
    }

    [Theory]
    [InlineData("exists", "fail", "no signature")]
    [InlineData("unknown", "temperror", "SERVFAIL of mailkey.example.org")]
    public void A_refusal_says_what_failed_on_one_printable_line(string state, string result, string reason)
    {
        var text = new StagePolicy(new()).Decide(Domain, state, result, reason + "\r\n250 2.0.0 ok\x1b[2J\u202e" + new string('x', 2000)).Reply!.Text;

        Assert.Contains(reason, text, StringComparison.Ordinal);
        Assert.Contains(Domain, text, StringComparison.Ordinal);
        Assert.DoesNotContain(text, character => character is < ' ' or > '~');
        Assert.InRange(text.Length, 1, 350);
    }

    [Fact]
    public void An_unknown_stage_is_an_error_that_names_the_key_and_the_choices()
    {
        var error = Assert.Throws<ArgumentException>(() => new StagePolicy(new() { Stage = "enforce" }));

        Assert.Contains("Mailkey:Policy:Stage", error.Message, StringComparison.Ordinal);
        Assert.Contains("enforce-published", error.Message, StringComparison.Ordinal);
    }
}
