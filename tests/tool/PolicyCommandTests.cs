using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Tool.Tests;

public sealed class PolicyCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new("policy");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Policy_check_prints_the_rules_or_every_error()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "bad.txt"), "198.51.100.0/24\n", TestContext.Current.CancellationToken);
        var good = await Tool.RunAsync("policy", "check", Write("""
            { "lists": { "bad": { "file": "bad.txt" } },
              "rules": [ { "name": "blocked", "when": { "client": "@bad" }, "then": "reject" } ] }
            """));
        Assert.Contains("    2  rules         blocked                         reject 5.7.1\n", good.Good, StringComparison.Ordinal);
        Assert.Contains(": 1 rules, no errors.", good.Good, StringComparison.Ordinal);

        var file = Write("{ \"rules\": [ { \"name\": \"a\", \"then\": \"acept\" },\n { \"name\": \"a\", \"then\": 1 } ] }");
        var bad = await Tool.RunAsync("policy", "check", file);
        Assert.Equal((1, ""), (bad.Code, bad.Output));
        Assert.Equal([$"{file}:1:37", $"{file}:2:12", $"{file}:2:25"], bad.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[..line.IndexOf(": ", StringComparison.Ordinal)]));

        Assert.Equal(2, (await Tool.RunAsync("policy", "check", "/nowhere.json")).Code);
    }

    [Fact]
    public async Task Config_check_looks_into_the_policy_file()
    {
        var policy = Write("{ \"rules\": 5 }");
        var configuration = Path.Combine(_folder.Path, "mailkey.json");
        await File.WriteAllTextAsync(configuration, $$"""{ "Mailkey": { "Policy": { "File": "{{policy}}" } } }""", TestContext.Current.CancellationToken);
        var result = await Tool.RunAsync("config", "check", "--file", configuration);
        Assert.Equal(1, result.Code);
        Assert.Contains($"Mailkey:Policy:File: {policy}:1:12: is a number; expected a list of rules", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Policy_explain_names_the_rule_and_what_kept_the_others()
    {
        var file = Write("""
            { "before-stage": [ { "name": "relay", "when": { "client": "192.0.2.0/24" }, "then": "exempt" } ],
              "rules": [ { "name": "fail", "when": { "spf": "fail", "not": { "dkim": { "result": "pass", "aligned": true } } }, "then": { "reject": "No" } },
                         { "name": "wait", "when": { "history": { "first-seen-days": { "below": 3 } } }, "then": "greylist" } ] }
            """);
        string[] message = ["policy", "explain", file, "--from", "a@example.org", "--to", "b@example.net", "--client"];

        var refused = (await Tool.RunAsync([.. message, "198.51.100.1", "--spf", "fail", "--dkim", "pass:other.example"])).Good;
        Assert.Contains("no   relay                           client: the message has 198.51.100.1\n", refused, StringComparison.Ordinal);
        Assert.Contains("\nreject, by fail\n  550 5.7.1 No (rule fail)\n", refused, StringComparison.Ordinal);

        var greylisted = (await Tool.RunAsync([.. message, "198.51.100.1", "--spf", "fail", "--dkim", "pass:example.org"])).Good;
        Assert.Contains("\ngreylist, by wait\n  451 4.7.1 ", greylisted, StringComparison.Ordinal);
        Assert.Contains("\nWhen it comes again after the wait:\naccept, by no-mailkey\n", greylisted, StringComparison.Ordinal);

        var forged = (await Tool.RunAsync([.. message, "198.51.100.1", "--mailkey", "fail"])).Good;
        Assert.Contains("\nreject, by published-key\n", forged, StringComparison.Ordinal);
        var exempt = (await Tool.RunAsync([.. message, "192.0.2.1", "--mailkey", "fail", "--first-seen-days", "9"])).Good;
        Assert.Contains("\naccept, by relay\n", exempt, StringComparison.Ordinal);

        Assert.Equal(2, (await Tool.RunAsync("policy", "explain", file, "--from", "a@example.org")).Code);
    }

    private string Write(string json)
    {
        var path = Path.Combine(_folder.Path, $"{Guid.NewGuid():N}.json");
        File.WriteAllText(path, json);
        return path;
    }
}
