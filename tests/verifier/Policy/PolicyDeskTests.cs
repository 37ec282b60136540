using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Policy;
using Mailkey.Policy.State;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Verifier.Policy;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Tests.Policy;

public sealed class PolicyDeskTests : IDisposable
{
    private readonly TemporaryFolder _folder = new("policy");
    private readonly State _state = new();
    private readonly Histories _histories = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Ordinary_mail_asks_for_nothing_and_is_counted()
    {
        var desk = Desk("""{ "rules": [ { "name": "grey", "when": { "client": "198.51.100.1" }, "then": "greylist" }, { "name": "limit", "when": { "tls": true }, "then": { "rate-limit": { "key": "client", "count": 1, "per": "1h" } } } ] }""");
        var (decision, history) = await desk.DecideAsync(Input("192.0.2.1"), null, TestContext.Current.CancellationToken);

        Assert.Equal("no-mailkey", decision.Rule);
        Assert.Null(history);
        Assert.Empty(_state.Asked);
        Assert.Empty(_histories.Recalled);
        Assert.Equal([("example.org", Disposition.Accept)], _histories.Noted);
    }

    [Fact]
    public async Task Mail_that_hits_several_rules_asks_once_for_all()
    {
        var desk = Desk("""{ "rules": [ { "name": "grey", "then": "greylist" }, { "name": "limit", "then": { "rate-limit": { "key": "client", "count": 1, "per": "1h" } } } ] }""");
        _state.Answer = new(1, DateTimeOffset.UnixEpoch.AddMinutes(1));
        var (decision, _) = await desk.DecideAsync(Input("192.0.2.1"), null, TestContext.Current.CancellationToken);

        Assert.Equal((VerdictOutcome.RateLimit, "limit"), (decision.Outcome, decision.Rule));
        Assert.Equal(["grey", "limit"], Assert.Single(_state.Asked).Select(query => query.Rule));
        Assert.Equal([("example.org", Disposition.Defer)], _histories.Noted);
    }

    [Fact]
    public async Task History_is_asked_for_when_a_rule_does_and_kept_with_the_decision()
    {
        var desk = Desk("""{ "rules": [ { "name": "old", "when": { "history": { "accepted": { "at-least": 5 } } }, "then": "quarantine" } ] }""");
        _histories.Answer = new() { FirstSeen = DateTimeOffset.UnixEpoch, Accepted = 5 };
        var (decision, history) = await desk.DecideAsync(Input("192.0.2.1"), null, TestContext.Current.CancellationToken);
        Assert.Equal(("old", _histories.Answer), (decision.Rule, history));
        Assert.Equal(["example.org"], _histories.Recalled);

        // Nobody knows: the rule is skipped.
        _histories.Answer = null;
        (decision, history) = await desk.DecideAsync(Input("192.0.2.1"), null, TestContext.Current.CancellationToken);
        Assert.Equal("no-mailkey", decision.Rule);
        Assert.Null(history);
    }

    private static PolicyInput Input(string client) => new(
        new() { ClientAddress = client, ClientName = "mail.example.org", Protocol = "ESMTP", Server = "s" },
        new() { ReversePath = "alice@example.org", Recipients = [new() { ForwardPath = "bob@example.net" }] },
        new() { HostState = "absent", Result = "none", Domain = "example.org", Reason = "", Rule = "", Verifier = "", ElapsedMicroseconds = 0 },
        1000,
        DateTimeOffset.UnixEpoch);

    private PolicyDesk Desk(string json)
    {
        var file = Path.Combine(_folder.Path, "policy.json");
        File.WriteAllText(file, json);
        var options = Options.Create(new MailkeyOptions { Policy = { File = file } });
        return new(new CurrentPolicy(options, new ManualTime(), NullLogger<CurrentPolicy>.Instance), _state, _histories);
    }

    private sealed class State : IPolicyState
    {
        public List<IReadOnlyList<StateQuery>> Asked { get; } = [];

        public StateRefusal? Answer { get; set; }

        public ValueTask<StateRefusal?> AskAsync(IReadOnlyList<StateQuery> queries, CancellationToken cancellationToken)
        {
            Asked.Add(queries);
            return new(Answer);
        }
    }

    private sealed class Histories : ISenderHistories
    {
        public List<string> Recalled { get; } = [];

        public List<(string Domain, Disposition Disposition)> Noted { get; } = [];

        public SenderHistory? Answer { get; set; }

        public ValueTask<SenderHistory?> RecallAsync(string domain, CancellationToken cancellationToken)
        {
            Recalled.Add(domain);
            return new(Answer);
        }

        public void Note(string domain, DateTimeOffset at, Disposition disposition) => Noted.Add((domain, disposition));
    }
}
