using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Hosting.Options;
using Mailkey.Policy.Reading;

namespace Mailkey.Policy.Tests;

public sealed class PolicyFileTests
{
    [Fact]
    public void Comments_trailing_commas_and_a_byte_order_mark_are_fine()
    {
        var file = Sample.Parse("\uFEFF// ours\n{ \"rules\": [ /* one */ { \"name\": \"a\", \"note\": \"why\", \"then\": \"accept\", }, ], }");
        Assert.Empty(file.Errors);
        Assert.Equal([("rules", "a", 2, "accept")], file.Rules!.Summary);
        Assert.False(file.Rules.NeedsHistory || file.Rules.NeedsState);
    }

    [Fact]
    public void Every_error_has_its_place_and_says_what_is_expected()
    {
        var file = Sample.Parse(
            """
            {
              "lists": { "Bad": [], "d": ["exa mple"], "f": { "file": "none.txt" } },
              "rules": [
                { "name": "signed", "when": { "spff": "fail", "client": ["192.0.2.1/24", "@nets"], "sender-domain": "@d" }, "then": "acept" },
                { "name": "äöü", "when": { "size": { "at-least": "10X" } }, "then": { "greylist": { "delay": 5 } } },
                { "name": "b", "then": "exempt", "colour": "red" }, { "name": "b", "then": "accept" },
                { "then": { "rate-limit": { "key": "clients", "count": 0 } } },
              ],
              "rules": [],
            }
            """);
        Assert.Null(file.Rules);
        string[] expected =
        [
            "2:14: the name of the list \"Bad\" is not possible",
            "2:31: \"exa mple\" in the list \"d\" is no domain; expected example.org",
            "2:59: the list none.txt is not there",
            "4:15: \"signed\" is the name of a decision of the stage",
            "4:35: \"spff\" is no key of \"when\" (did you mean \"spf\"?); expected one of agreement,",
            "4:62: \"192.0.2.1/24\" has bits set behind its prefix",
            "4:78: there is no list \"nets\"; expected one of Bad, d, f",
            "4:121: \"acept\" is no outcome (did you mean \"accept\"?); expected one of accept,",
            "5:15: the name \"äöü\" is not possible; expected a letter",
            "5:54: \"at-least\" is \"10X\"; expected octets, or \"500K\" or \"10M\"",
            "5:98: \"delay\" is a number; expected a time such as \"30s\"",
            "6:28: \"exempt\" comes too late here",
            "6:38: \"colour\" is no key of a rule; expected one of name, note, when, then",
            "6:67: another rule is named \"b\", on line 6",
            "7:5: a rule has no \"name\"",
            "7:31: \"rate-limit\" has no \"per\"",
            "7:40: \"clients\" is no value of \"key\" (did you mean \"client\"?)",
            "7:60: \"count\" is a number; expected a whole number from 1",
            "9:3: \"rules\" stands twice in this object",
        ];
        var errors = file.Errors.Select(error => error.ToString()).ToList();
        Assert.Equal(expected.Length, errors.Count);
        Assert.All(expected.Zip(errors), pair => Assert.StartsWith("policy.json:" + pair.First, pair.Second, StringComparison.Ordinal));
    }

    [Fact]
    public void Rules_that_ask_for_what_is_not_configured_are_named()
    {
        var policy = Sample.Policy("""
            {
              "before-stage": [ { "name": "a", "when": { "blocklist": ["Known.Example", "unknown.example"] }, "then": "tag-it" } ],
              "rules": [
                { "name": "b", "when": { "not": { "any": [ { "history": { "known": true, "accepted": { "below": 2 } } }, { "blocklist": { "zone": "unknown.example", "result": "clear" } } ] } }, "then": "reject" },
                { "name": "c", "when": { "dkim": { "seen": { "at-least": 2 } } }, "then": "reject" },
                { "name": "d", "when": { "blocklist": "known.example", "spf": "pass" }, "then": "accept" }
              ]
            }
            """.Replace("\"tag-it\"", """{ "tag": { "field": "X-A" } }""", StringComparison.Ordinal));
        MailkeyOptions options = new() { Blocklists = { Zones = [new() { Name = "known.example." }] }, Policy = { History = false }, Dkim = { SeenEntries = 0 } };
        Assert.Equal(
            [
                ("a", 2, "asks for the blocklist unknown.example, which is not among Mailkey:Blocklists:Zones"),
                ("b", 4, "asks for \"known\" of the history, and Mailkey:Policy:History is off"),
                ("b", 4, "asks for \"accepted\" of the history, and Mailkey:Policy:History is off"),
                ("b", 4, "asks for the blocklist unknown.example, which is not among Mailkey:Blocklists:Zones"),
                ("c", 5, "asks how often a DKIM signature was seen, and Mailkey:Dkim:SeenEntries is 0"),
            ],
            policy.Rules.Unanswerable(options));
        Assert.Single(policy.Rules.Unanswerable(new() { Blocklists = { Zones = [new() { Name = "unknown.example" }] } }), rule => rule.Name == "a");
    }

    [Theory]
    [InlineData("", "1:1: the file is empty")]
    [InlineData("[]", "1:1: the policy is a list; expected an object with lists, before-stage, rules")]
    [InlineData("{ \"rules\": 1 }", "1:12: is a number; expected a list of rules")]
    [InlineData("{ \"rules\": [ 7, \"x\" ] }", "1:14: a rule is a number")]
    [InlineData("{\n  \"rules\": [\n  }\n}", "3:3: is no JSON")]
    [InlineData("{} {}", "1:4: is no JSON")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\" } ] }", "1:14: a rule has no \"then\"")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"then\": { \"accept\": {}, \"reject\": {} } } ] }", "1:37: \"then\" is an object with several members; expected one outcome: accept")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"then\": { \"tag\": { \"field\": \"Subject\" } } } ] }", "1:57: \"Subject\" is no field for a tag; expected X-")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"then\": { \"tag\": { \"field\": \"X-A\", \"value\": \"a\\r\\nb\" } } } ] }", "1:73: \"value\" is not one line")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"then\": { \"tag\": { \"field\": \"x-mailkey-quarantine\" } } } ] }", "1:57: \"x-mailkey-quarantine\" is what quarantine writes")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"then\": { \"reject\": { \"status\": \"5.1.1\" } } } ] }", "1:61: \"5.1.1\" is no status of a refusal by policy; expected 5.7.x")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"then\": { \"reject\": \"\" } } ] }", "1:49: \"reject\" is not one line")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"then\": { \"greylist\": { \"delay\": \"2h\", \"window\": \"1h\" } } } ] }", "1:51: \"window\" is not longer than \"delay\"")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"when\": { \"client\": [] }, \"then\": \"accept\" } ] }", "1:49: \"client\" is an empty list")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"when\": { \"client\": \"1\" }, \"then\": \"accept\" } ] }", "1:49: \"1\" is no network; expected an address or CIDR")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"when\": { \"client\": \"10.0.0.0/33\" }, \"then\": \"accept\" } ] }", "1:49: \"10.0.0.0/33\" has no prefix length from 0 to 32")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"when\": { \"tls\": \"yes\" }, \"then\": \"accept\" } ] }", "1:46: \"tls\" is \"yes\"; expected true or false")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"when\": { \"dkim\": { \"result\": \"none\", \"seen\": { \"below\": 2 } } }, \"then\": \"accept\" } ] }", "1:47: asks for no signature, and for a property of one")]
    [InlineData("{ \"rules\": [ { \"name\": \"a\", \"when\": { \"dkim\": { \"result\": \"none\", \"aligned\": true } }, \"then\": \"accept\" } ] }", "1:47: asks for no signature, and for a property of one")]
    public void What_is_wrong_is_said(string json, string expected)
    {
        var file = Sample.Parse(json);
        Assert.Null(file.Rules);
        Assert.StartsWith($"policy.json:{expected}", file.Errors[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_entry_of_a_list_file_is_named_by_that_file()
    {
        var file = Sample.Parse("""{ "lists": { "p": { "file": "p.txt" } }, "rules": [ { "name": "a", "when": { "sender-domain": "@p", "client": "@p" }, "then": "accept" } ] }""", ("p.txt", "# x\n  exa mple\n"));
        Assert.Equal(["p.txt:2:3", "p.txt:2:3"], file.Errors.Select(error => $"{error.File}:{error.Line}:{error.Column}"));
        Assert.Contains(file.Errors, error => error.Message.Contains("is no network", StringComparison.Ordinal));
        Assert.Equal(["p.txt"], file.Lists);
    }

    [Fact]
    public void Errors_hold_no_control_characters()
    {
        var file = Sample.Parse("{ \"rules\": [ { \"name\": \"\\u001b[2J\\u202e\", \"then\": \"\\r\\n\" } ] }");
        Assert.All(file.Errors, error => Assert.DoesNotContain(error.Message, character => char.IsControl(character) || character == '\u202e'));
    }

    [Fact]
    public void Any_octets_give_rules_or_errors()
    {
        const string seed = """{ "lists": { "l": ["example.org"] }, "before-stage": [ { "name": "a", "when": { "client": "192.0.2.0/24", "not": { "spf": "fail" } }, "then": "exempt" } ], "rules": [ { "name": "b", "when": { "any": [ { "size": { "below": "1K" } } ] }, "then": { "rate-limit": { "key": "client", "count": 1, "per": "1h" } } } ] }""";
        var edit = from at in Gen.Choose(0, seed.Length - 1) from octet in Gen.Choose(0, 255) from length in Gen.Choose(0, 12) select (at, octet, length);
        Prop.ForAll(Gen.NonEmptyListOf(edit).ToArbitrary(), edits =>
        {
            List<byte> octets = [.. Encoding.UTF8.GetBytes(seed)];
            foreach (var (at, octet, length) in edits.Take(5))
            {
                var start = Math.Min(at, octets.Count);
                octets.RemoveRange(start, Math.Min(length, octets.Count - start));
                octets.Insert(start, (byte)octet);
            }

            var file = PolicyFile.Parse("p", octets.ToArray(), (string _, out string reason) => { reason = "none"; return null; });
            Assert.Equal(file.Rules is null, file.Errors.Count > 0);
            Assert.All(file.Errors, error => Assert.True(error.Line > 0 && error.Column > 0));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_rule_behind_one_that_decides_about_everything_is_pointed_out()
    {
        const string tail = """{ "name": "end", "when": {}, "then": "accept" },""" + "\n" + """{ "name": "late", "then": "reject" }""";
        Assert.Equal([("late", 2, "end")], Sample.Parse($$"""{ "rules": [ {{tail}} ] }""").Rules!.Unreachable());
        Assert.Equal([("late", 2, "end"), ("r", 2, "end")], Sample.Parse($$"""{ "before-stage": [ {{tail}} ], "rules": [ { "name": "r", "then": "accept" } ] }""").Rules!.Unreachable());
        Assert.Empty(Sample.Parse("""{ "rules": [ { "name": "a", "when": { "tls": true }, "then": "accept" }, { "name": "b", "then": "greylist" }, { "name": "c", "then": "reject" } ] }""").Rules!.Unreachable());
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_error()
    {
        var file = PolicyFile.Load("/nowhere/policy.json");
        Assert.Contains("can't be read", Assert.Single(file.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_examples_of_the_documentation_are_valid()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Microservices.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("Microservices.sln is not above the tests.");
        }

        var blocks = File.ReadAllText(Path.Combine(folder.FullName, "docs/policy.md")).Split("```");
        var whole = blocks.Single(block => block.StartsWith("jsonc\n", StringComparison.Ordinal))["jsonc\n".Length..];
        var file = Sample.Parse(whole, ("blocked-networks.txt", "198.51.100.0/24 # example\n"));
        Assert.Empty(file.Errors);
        Assert.Equal(10, file.Rules!.Count);

        var rules = blocks.Where(block => block.StartsWith("json\n", StringComparison.Ordinal)).Select(block => block["json\n".Length..]).ToList();
        Assert.Equal(5, rules.Count);
        Assert.Empty(Sample.Parse($$"""{ "lists": { "partners": ["example.org"], "own-networks": ["192.0.2.0/24"] }, "rules": [ {{string.Join(',', rules)}} ] }""").Errors);
    }
}
