using System.Net;
using System.Text;
using Mailkey.Testkit;
using Mailkey.Testkit.Dns;

namespace Mailkey.Spf.Tests;

/// <summary>What the public suite does not ask: identities, internationalised mail, limits, time, and records that were made to hurt.</summary>
public sealed class SpfEvaluatorTests
{
    private const string Client = "192.0.2.1";

    [Theory]
    [InlineData("alice@sender.test", "client.test", SpfIdentity.MailFrom, "sender.test")]
    [InlineData("alice@SENDER.test.", "client.test", SpfIdentity.MailFrom, "sender.test")]
    [InlineData("@relay.test,@other.test:alice@sender.test", "client.test", SpfIdentity.MailFrom, "sender.test")]
    [InlineData("\"a@b\"@sender.test", "client.test", SpfIdentity.MailFrom, "sender.test")]
    [InlineData("@sender.test", "client.test", SpfIdentity.MailFrom, "sender.test")]
    [InlineData("alice@b\u00fccher.test", "client.test", SpfIdentity.MailFrom, "xn--bcher-kva.test")]
    [InlineData("", "sender.test", SpfIdentity.Helo, "sender.test")]
    [InlineData("", "b\u00fccher.test", SpfIdentity.Helo, "xn--bcher-kva.test")]
    public async Task Evaluator_finds_the_identity(string reversePath, string clientName, SpfIdentity identity, string domain)
    {
        await using var zones = new ScriptedZones().Txt("sender.test", "v=spf1 +all").Txt("xn--bcher-kva.test", "v=spf1 +all");

        var result = await zones.AskAsync(Client, reversePath, clientName);

        Assert.Equal((SpfVerdict.Pass, identity, domain), (result.Verdict, result.Identity, result.Domain));
    }

    [Theory]
    [InlineData("", "[192.0.2.1]")]
    [InlineData("", "localhost")]
    [InlineData("", "")]
    [InlineData("", "a b.test")]
    [InlineData("alice", "client.test")]
    [InlineData("alice@", "client.test")]
    [InlineData("alice@-x.test", "client.test")]
    [InlineData("alice@x..test", "client.test")]
    [InlineData("alice@x\0.test", "client.test")]
    public async Task Evaluator_asks_nothing_without_a_domain(string reversePath, string clientName)
    {
        await using var zones = new ScriptedZones();

        var result = await zones.AskAsync(Client, reversePath, clientName);

        Assert.Equal((SpfVerdict.None, "", "no domain to ask"), (result.Verdict, result.Domain, result.Problem));
        Assert.Empty(zones.Questions);
    }

    [Fact]
    public async Task Evaluator_names_what_matched()
    {
        await using var zones = new ScriptedZones()
            .Txt("sender.test", "v=spf1 ?exists:%{i}.no.test redirect=next.test")
            .Txt("next.test", "v=spf1 ip4:198.51.100.1 include:inner.test ~all")
            .Txt("inner.test", "v=spf1 ip4:192.0.2.0/28 -all");

        Assert.Equal((SpfVerdict.Pass, "include:inner.test"), Of(await zones.AskAsync(Client, "alice@sender.test")));
        Assert.Equal((SpfVerdict.SoftFail, "~all"), Of(await zones.AskAsync("203.0.113.9", "alice@sender.test")));
        Assert.Equal((SpfVerdict.Pass, "include:inner.test"), Of(await zones.AskAsync("::ffff:192.0.2.15", "alice@sender.test")));

        static (SpfVerdict, string?) Of(SpfResult result) => (result.Verdict, result.Directive);
    }

    [Fact]
    public async Task Evaluator_expands_macros_into_any_octets()
    {
        await using var zones = new ScriptedZones()
            .Txt("sender.test", "v=spf1 exists:%{l}._spf.%{d} exists:%{h}.%{d} -all")
            .Address("a\0 \\b._spf.sender.test", "127.0.0.2");

        var result = await zones.AskAsync(Client, "a\0 \\b@sender.test");

        Assert.Equal((SpfVerdict.Pass, "exists:%{l}._spf.%{d}"), (result.Verdict, result.Directive));
        Assert.Equal(["sender.test Txt", "a\0 \\b._spf.sender.test A"], zones.Questions);
    }

    [Fact]
    public async Task Terms_with_a_local_part_that_no_name_can_hold_match_nothing()
    {
        await using var zones = new ScriptedZones()
            .Txt("sender.test", "v=spf1 exists:%{l}.test exists:%{S}.test include:%{l2}.test mx:%{ir}.%{L}.test ?ip4:198.51.100.1 redirect=%{l}.test")
            .Txt("fails.test", "v=spf1 -all exp=%{l}.test")
            .Txt("explains.test", "v=spf1 -all exp=why.test")
            .Txt("escapes.test", "v=spf1 -all exp=why-not.test")
            .Txt("why.test", "no %{s}")
            .Txt("why-not.test", "no %{S} at %{o}");

        Assert.Equal(SpfVerdict.Neutral, (await zones.AskAsync(Client, "\u00fc@sender.test")).Verdict);
        Assert.Equal((SpfVerdict.Fail, null), Of(await zones.AskAsync(Client, "\u00fc@fails.test")));
        Assert.Equal((SpfVerdict.Fail, null), Of(await zones.AskAsync(Client, "\u00fc@explains.test")));
        Assert.Equal((SpfVerdict.Fail, "no %C3%BC%40escapes.test at escapes.test"), Of(await zones.AskAsync(Client, "\u00fc@escapes.test")));
        Assert.DoesNotContain(zones.Questions, question => question.EndsWith(" A", StringComparison.Ordinal));

        static (SpfVerdict, string?) Of(SpfResult result) => (result.Verdict, result.Explanation);
    }

    [Theory]
    [InlineData("%{c} of %{h} for %{s} (%{l}, %{o}, %{d}) at %{r} %{t} %{v} %{i} %{p} 100%% a%_b%-c", "192.0.2.1 of client.test for alice.b@sender.test (alice.b, sender.test, sender.test) at mx.test 1772366400 in-addr 192.0.2.1 host.sender.test 100% a b%20c")]
    [InlineData("%{ir} %{d1} %{dr1} %{d2r} %{d9} %{s2.@}", null)]
    [InlineData("%{ir} %{d1} %{d1r} %{d2r} %{d9} %{l1-.}", "1.2.0.192 test sender test.sender sender.test b")]
    [InlineData("%{l1r.} %{lr.} %{l+}", "alice b.alice alice.b")]
    [InlineData("  %_  ", null)]
    [InlineData("%", null)]
    [InlineData("a\tb", null)]
    [InlineData("", null)]
    public async Task Explanations_are_expanded_or_dropped(string text, string? explanation)
    {
        await using var zones = new ScriptedZones()
            .Txt("sender.test", "v=spf1 -all exp=why.%{d}")
            .Txt("why.sender.test", text)
            .Ptr("1.2.0.192.in-addr.arpa", "other.test", "forged.sender.test", "host.sender.test")
            .Address("other.test", Client)
            .Address("forged.sender.test", "192.0.2.2")
            .Address("host.sender.test", "192.0.2.2", Client);

        var result = await zones.AskAsync(Client, "alice.b@sender.test", time: new ManualTime());

        Assert.Equal((SpfVerdict.Fail, explanation), (result.Verdict, result.Explanation));
    }

    [Fact]
    public async Task Explanations_carry_nothing_unprintable_from_the_client()
    {
        await using var zones = new ScriptedZones().Txt("sender.test", "v=spf1 -all exp=why.test").Txt("why.test", "%{h}");

        Assert.Null((await zones.AskAsync(Client, "alice@sender.test", "x\r\n250 2.0.0 ok")).Explanation);
        Assert.Null((await zones.AskAsync(Client, "alice@sender.test", "\u202egro.elpmaxe")).Explanation);
        Assert.Equal("xn--bcher-kva.test", (await zones.AskAsync(Client, "alice@sender.test", "b\u00fccher.test")).Explanation);
    }

    [Fact]
    public async Task Problems_are_printable()
    {
        await using var zones = new ScriptedZones().Txt("sender.test", "v=spf1 include:%{l}.test -all").Txt("\r\n\x1b[2J.test", "v=spf1 what");

        var result = await zones.AskAsync(Client, "\r\n\x1b[2J@sender.test");

        Assert.Equal((SpfVerdict.PermError, "???[2J.test: unknown mechanism at character 8"), (result.Verdict, result.Problem));
    }

    [Fact]
    public async Task Exchanges_without_addresses_of_the_family_are_one_void_lookup()
    {
        await using var zones = new ScriptedZones()
            .Txt("sender.test", "v=spf1 mx mx:two.test ip6:2001:db8::1 -all")
            .Mx("sender.test", "a.test", "b.test", "c.test")
            .Mx("two.test", "a.test", "b.test", ".")
            .Address("a.test", Client).Address("b.test", "192.0.2.2").Address("c.test", "192.0.2.3");

        Assert.Equal("ip6:2001:db8::1", (await zones.AskAsync("2001:db8::1", "alice@sender.test")).Directive);
        Assert.Equal("mx", (await zones.AskAsync("192.0.2.3", "alice@sender.test")).Directive);
    }

    [Fact]
    public async Task Names_of_the_client_are_not_the_fault_of_the_domain()
    {
        await using var zones = new ScriptedZones()
            .Txt("sender.test", "v=spf1 a:one.void.test a:two.void.test ptr ptr:other.test -all")
            .Odd("2.2.0.192.in-addr.arpa", query => query.Reply(2))
            .Ptr("3.2.0.192.in-addr.arpa", "x.sender.test", "broken.sender.test", "void.sender.test", "good.sender.test")
            .Odd("broken.sender.test", query => query.Reply(2))
            .Address("x.sender.test", Client)
            .Address("good.sender.test", "192.0.2.3");

        Assert.Equal("-all", (await zones.AskAsync(Client, "alice@sender.test")).Directive);
        Assert.Equal("-all", (await zones.AskAsync("192.0.2.2", "alice@sender.test")).Directive);
        Assert.Equal("ptr", (await zones.AskAsync("192.0.2.3", "alice@sender.test")).Directive);
    }

    [Theory]
    [InlineData("a:broken.test")]
    [InlineData("mx:broken.test")]
    [InlineData("mx:halfway.test")]
    [InlineData("exists:broken.test")]
    [InlineData("include:broken.test")]
    [InlineData("redirect=broken.test")]
    public async Task Failures_of_the_dns_are_temporary(string term)
    {
        await using var zones = new ScriptedZones()
            .Txt("sender.test", $"v=spf1 {term}")
            .Mx("halfway.test", "good.test", "broken.test")
            .Address("good.test", "192.0.2.99")
            .Odd("broken.test", query => query.Reply(2));

        var result = await zones.AskAsync(Client, "alice@sender.test");

        Assert.Equal(SpfVerdict.TempError, result.Verdict);
        Assert.StartsWith("broken.test: ", result.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a:late.test -all", SpfVerdict.TempError)]
    [InlineData("ptr:late.test -all", SpfVerdict.TempError)]
    [InlineData("exists:%{p}.test -all", SpfVerdict.TempError)]
    [InlineData("mx:mx.test -all", SpfVerdict.TempError)]
    [InlineData("redirect=late.test", SpfVerdict.TempError)]
    [InlineData("include:late.test -all", SpfVerdict.TempError)]
    [InlineData("-all exp=late.test", SpfVerdict.Fail)]
    public async Task What_is_late_is_temporary_and_an_explanation_is_missed_by_nobody(string terms, SpfVerdict verdict)
    {
        var time = new ManualTime();
        await using var zones = new ScriptedZones().Txt("sender.test", $"v=spf1 {terms}").Mx("mx.test", "early.test", "late.test").Address("early.test", "192.0.2.99");
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var name in (string[])["late.test", "1.2.0.192.in-addr.arpa"])
        {
            zones.Odd(name, _ =>
            {
                asked.TrySetResult();
                return HostileReply.Silence;
            });
        }

        // What is not late is in the cache, so that time stands still for all the rest.
        foreach (var (name, type) in ((string, Dns.DnsRecordType)[])[("sender.test", Dns.DnsRecordType.Txt), ("mx.test", Dns.DnsRecordType.Mx), ("early.test", Dns.DnsRecordType.A)])
        {
            await zones.Resolver.ResolveAsync(name, type, TestContext.Current.CancellationToken);
        }

        var asking = zones.AskAsync(Client, "alice@sender.test", time: time, timeLimit: TimeSpan.FromSeconds(5));
        await Task.WhenAny(asked.Task, asking);
        await time.AdvanceUntilAsync(asking, TimeSpan.FromSeconds(5));

        var result = await asking;
        Assert.Equal((verdict, null, verdict == SpfVerdict.Fail ? null : "the time for SPF is up"), (result.Verdict, result.Explanation, result.Problem));
    }

    [Fact]
    public async Task A_caller_that_leaves_is_told_so()
    {
        using var leaving = new CancellationTokenSource();
        await using var zones = new ScriptedZones().Odd("sender.test", _ =>
        {
            leaving.Cancel();
            return HostileReply.Silence;
        });

        var asked = new SpfEvaluator(zones.Resolver, ScriptedZones.Patience, TimeProvider.System)
            .EvaluateAsync(new() { Client = IPAddress.Parse(Client), ReversePath = "alice@sender.test", ClientName = "client.test" }, leaving.Token);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.AsTask());
    }

    [Fact]
    public async Task Includes_without_end_cost_ten_lookups()
    {
        var zones = new ScriptedZones();
        await using var _ = zones;
        for (var i = 0; i < 50; i++)
        {
            zones.Txt($"{i}.test.test", $"v=spf1 {string.Join(' ', Enumerable.Range(1, 10).Select(n => $"include:{i + n}.test.test"))} -all");
        }

        var result = await zones.AskAsync(Client, "alice@0.test.test");

        Assert.Equal((SpfVerdict.PermError, "more than 10 terms that need a look-up"), (result.Verdict, result.Problem));
        Assert.Equal(11, zones.Questions.Count);
    }

    [Fact]
    public async Task Ten_mx_of_ten_exchanges_cost_what_the_rfc_allows_and_no_more()
    {
        var zones = new ScriptedZones();
        await using var _ = zones;
        zones.Txt("sender.test", $"v=spf1 {string.Join(' ', Enumerable.Range(0, 10).Select(n => $"mx:{n}.mx.test"))} -all");
        for (var i = 0; i < 10; i++)
        {
            zones.Mx($"{i}.mx.test", [.. Enumerable.Range(0, 10).Select(n => $"{n}.{i}.host.test")]);
            foreach (var n in Enumerable.Range(0, 10))
            {
                zones.Address($"{n}.{i}.host.test", "203.0.113.1");
            }
        }

        Assert.Equal("-all", (await zones.AskAsync(Client, "alice@sender.test")).Directive);
        Assert.Equal(1 + 10 + 100, zones.Questions.Count);
    }

    [Fact]
    public async Task Hundred_names_of_a_client_are_ten()
    {
        await using var zones = new ScriptedZones()
            .Txt("sender.test", "v=spf1 ptr ptr:sender.test exists:%{p}.none.test -all")
            .Ptr("1.2.0.192.in-addr.arpa", [.. Enumerable.Range(0, 100).Select(n => $"{n}.sender.test")]);

        Assert.Equal("-all", (await zones.AskAsync(Client, "alice@sender.test")).Directive);
        Assert.Equal(1 + 1 + 10 + 1, zones.Questions.Count);
    }

    [Fact]
    public async Task Largest_records_are_read_to_their_end()
    {
        const int room = 64_000; // a message over TCP has 65,535 octets
        var terms = new StringBuilder("v=spf1 ");
        while (terms.Length < room)
        {
            terms.Append("ip4:203.0.113.9 ");
        }

        await using var zones = new ScriptedZones().Txt("sender.test", $"{terms}ip4:192.0.2.1").Txt("wrong.test", $"{terms}what");

        Assert.Equal("ip4:192.0.2.1", (await zones.AskAsync(Client, "alice@sender.test")).Directive);
        var wrong = await zones.AskAsync("203.0.113.9", "alice@wrong.test");
        Assert.Equal((SpfVerdict.PermError, $"wrong.test: unknown mechanism at character {terms.Length + 1}"), (wrong.Verdict, wrong.Problem));
    }

    [Fact]
    public async Task Macros_never_grow_beyond_their_room()
    {
        const string longest = "a-local-part-of-sixty-four-octets-that-is-as-long-as-it-can-be-x";
        var domain = $"{new string('d', 63)}.{new string('e', 63)}.{new string('f', 63)}.test";
        await using var zones = new ScriptedZones()
            .Txt(domain, $"v=spf1 exists:{new StringBuilder().Insert(0, "%{S}%{sr-}", 100)}.test -all exp=why.test")
            .Txt("why.test", new StringBuilder().Insert(0, "%{S}", 15_000).ToString());

        var result = await zones.AskAsync(Client, $"{longest}@{domain}");

        Assert.Equal((SpfVerdict.Fail, SpfLimits.Explanation), (result.Verdict, result.Explanation!.Length));
        Assert.StartsWith($"{longest}%40{domain}", result.Explanation, StringComparison.Ordinal);
        Assert.All(zones.Questions, question => Assert.InRange(question.Length, 1, 253 + 4));
    }
}
