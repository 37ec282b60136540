using System.Text;
using Mailkey.Contracts;
using Mailkey.Policy.Reading;

namespace Mailkey.Policy.Tests;

/// <summary>Messages and policies for tests.</summary>
internal static class Sample
{
    public static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static readonly Verdict Evidence = new()
    {
        HostState = "absent", Result = "none", Domain = "example.org", Reason = "NXDOMAIN", Rule = "", Verifier = "v", ElapsedMicroseconds = 0,
    };

    public static PolicyInput Message(
        Verdict? evidence = null, string from = "alice@example.org", string client = "192.0.2.1", string helo = "mail.example.org", string? tls = null, long size = 1000, params string[] to) => new(
        new() { ClientAddress = client, ClientName = helo, Protocol = "ESMTP", Tls = tls, Server = "s" },
        new() { ReversePath = from, Recipients = [.. (to.Length == 0 ? ["bob@example.net"] : to).Select(path => new Recipient { ForwardPath = path })] },
        evidence ?? Evidence,
        size,
        Now);

    public static PolicyFile Parse(string json, params (string Name, string Content)[] lists) =>
        PolicyFile.Parse("policy.json", Encoding.UTF8.GetBytes(json), (string file, out string reason) =>
        {
            var found = Array.Find(lists, list => list.Name == file);
            reason = found.Name is null ? "is not there" : "";
            return found.Name is null ? null : Encoding.UTF8.GetBytes(found.Content);
        });

    public static ReceiverPolicy Policy(string json, PolicyStage stage = PolicyStage.EnforcePublished, params (string Name, string Content)[] lists)
    {
        var file = Parse(json, lists);
        Assert.Empty(file.Errors);
        return new(new StagePolicy(stage, []), file.Rules!);
    }

    /// <summary>A policy of one rule with these conditions, which refuses.</summary>
    public static bool Matches(string when, PolicyInput input, params (string Name, string Content)[] lists)
    {
        var policy = Policy($$"""{ "lists": { "names": [".listed.example", "listed.example"], "nets": ["198.51.100.0/24"], "file": { "file": "list.txt" } }, "rules": [ { "name": "it", "when": {{when}}, "then": "quarantine" } ] }""", lists: lists.Length > 0 ? lists : [("list.txt", "")]);
        return policy.Plan(input).Otherwise.Rule == "it";
    }
}
