using System.Diagnostics.Metrics;
using System.Net;
using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Testkit;
using Mailkey.Testkit.Dns;
using Mailkey.Verifier.Evidence;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Tests.Evidence;

public sealed class BlocklistCheckTests(BlocklistZones zones) : IClassFixture<BlocklistZones>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Check_asks_every_zone_and_says_what_each_answers()
    {
        var evidence = await AskAsync("1.2.3.4", new() { Name = "bl.test" }, new() { Name = "al.test", Kind = "allow" }, new() { Name = "empty.test" });

        Assert.Equal(
            [("bl.test", "block", "listed", "127.0.0.2 127.0.0.4", "see https://bl.test/1.2.3.4"), ("al.test", "allow", "listed", "127.0.10.1", null), ("empty.test", "block", "clear", "", null)],
            evidence.Select(e => (e.Zone, e.Kind, e.Result, string.Join(' ', e.Codes.Order(StringComparer.Ordinal)), e.Reason)));
    }

    [Theory]
    [InlineData("::ffff:1.2.3.4", "listed")]
    [InlineData("1.2.3.5", "clear")]
    [InlineData("2a00:1450::25", "listed")]
    [InlineData("2a00:1450::26", "clear")]
    public async Task Check_writes_addresses_backwards(string client, string result) =>
        Assert.Equal(result, Assert.Single(await AskAsync(client, new BlocklistZoneOptions { Name = "BL.test." })).Result);

    [Theory]
    [InlineData("127.0.0.4", "listed", "127.0.0.4")]
    [InlineData("127.0.0.0/24&2", "listed", "127.0.0.2")]
    [InlineData("127.0.0.8/29", "clear", "")]
    public async Task Check_lets_only_the_configured_codes_count(string code, string result, string codes)
    {
        var evidence = Assert.Single(await AskAsync("1.2.3.4", new BlocklistZoneOptions { Name = "bl.test", Codes = [code] }));

        Assert.Equal((result, codes), (evidence.Result, string.Join(' ', evidence.Codes)));
    }

    [Theory]
    [InlineData("parked.test", "outside of 127.0.0.0/8")]
    [InlineData("refusing.test", "refuses")]
    [InlineData("all.test", "lists 127.0.0.1 too")]
    [InlineData("broken.test", "the DNS failed")]
    public async Task Check_does_not_believe_a_zone_that_does_not_work(string zone, string reason)
    {
        List<(string, string)> counted = [];
        using var listener = new MeterListener { InstrumentPublished = (instrument, l) => { if (instrument.Name == "mailkey.verifier.blocklists.answers") { l.EnableMeasurementEvents(instrument); } } };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => { lock (counted) { counted.Add(((string)tags[0].Value!, (string)tags[1].Value!)); } });
        listener.Start();

        var evidence = Assert.Single(await AskAsync("1.2.3.4", new BlocklistZoneOptions { Name = zone }));

        Assert.Equal("unknown", evidence.Result);
        Assert.Empty(evidence.Codes);
        Assert.Contains(reason, evidence.Reason, StringComparison.Ordinal);
        Assert.Contains(counted, count => count.Item1 == zone && count.Item2 is "foreign" or "refused" or "all-listed" or "failed");
    }

    [Fact]
    public async Task Check_keeps_the_text_of_a_zone_to_one_printable_line()
    {
        var reason = Assert.Single(await AskAsync("1.2.3.6", new BlocklistZoneOptions { Name = "bl.test" })).Reason;

        Assert.Equal($"bad??[2J?{new string('x', 191)}", reason);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.1.2.3")]
    [InlineData("192.168.0.1")]
    [InlineData("100.64.0.1")]
    [InlineData("fe80::1")]
    [InlineData("fd00::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::1")]
    [InlineData("unknown")]
    public async Task Check_asks_nobody_about_clients_of_no_public_network(string client)
    {
        await using var server = HostileDnsServer.Start(query => query.Answer(HostileRecord.A(query.Name, "127.0.0.2")));

        Assert.Empty(await Check(Resolver(server.Endpoint), TimeProvider.System, Patience, "bl.test").CheckAsync(Client(client), Cancellation));
        Assert.Empty(server.Queries);
    }

    [Fact]
    public async Task Check_asks_for_texts_of_listed_clients_only()
    {
        await using var server = HostileDnsServer.Start(query => query.NameError());

        var evidence = await Check(Resolver(server.Endpoint), TimeProvider.System, Patience, "one.test", "two.test").CheckAsync(Client("1.2.3.4"), Cancellation);

        Assert.All(evidence, e => Assert.Equal("clear", e.Result));
        Assert.Equal(["4.3.2.1.one.test 1", "4.3.2.1.two.test 1"], server.Queries.Select(query => $"{query.Name} {query.Type}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Check_does_not_wait_for_a_zone_that_never_answers()
    {
        var time = new ManualTime();
        await using var server = HostileDnsServer.Start(query =>
        {
            if (query.Name.EndsWith("silent.test", StringComparison.Ordinal))
            {
                return HostileReply.Silence;
            }

            return query.Name.StartsWith("4.", StringComparison.Ordinal) ? query.Answer(query.Type == 1 ? HostileRecord.A(query.Name, "127.0.0.2") : HostileRecord.Txt(query.Name, "because")) : query.NameError();
        });
        var resolver = Resolver(server.Endpoint);
        var check = Check(resolver, time, TimeSpan.FromSeconds(1), "silent.test", "bl.test");

        // In the cache, so that nothing but silence takes time.
        foreach (var (name, type) in ((string, DnsRecordType)[])[("4.3.2.1.bl.test", DnsRecordType.A), ("4.3.2.1.bl.test", DnsRecordType.Txt), ("1.0.0.127.bl.test", DnsRecordType.A)])
        {
            await resolver.ResolveAsync(name, type, Cancellation);
        }

        var checking = check.CheckAsync(Client("1.2.3.4"), Cancellation).AsTask();
        await time.AdvanceUntilAsync(checking, TimeSpan.FromSeconds(1)).WaitAsync(Patience, Cancellation);
        var evidence = await checking;

        Assert.Equal(
            [("silent.test", "unknown", "no answer in time"), ("bl.test", "listed", "because")],
            evidence.Select(e => (e.Zone, e.Result, e.Reason!)));
    }

    [Fact]
    public async Task Check_does_without_a_text_that_never_comes()
    {
        var time = new ManualTime();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = HostileDnsServer.Start(query =>
        {
            if (query.Type != 1)
            {
                asked.TrySetResult();
                return HostileReply.Silence;
            }

            return query.Name.StartsWith("4.", StringComparison.Ordinal) ? query.Answer(HostileRecord.A(query.Name, "127.0.0.2")) : query.NameError();
        });
        var resolver = Resolver(server.Endpoint);
        await resolver.ResolveAsync("1.0.0.127.bl.test", DnsRecordType.A, Cancellation);

        var checking = Check(resolver, time, TimeSpan.FromSeconds(1), "bl.test").CheckAsync(Client("1.2.3.4"), Cancellation).AsTask();
        await asked.Task.WaitAsync(Patience, Cancellation);
        await time.AdvanceUntilAsync(checking, TimeSpan.FromSeconds(1)).WaitAsync(Patience, Cancellation);
        var evidence = Assert.Single(await checking);

        Assert.Equal(("listed", null), (evidence.Result, evidence.Reason));
    }

    private async Task<IReadOnlyList<BlocklistEvidence>> AskAsync(string client, params BlocklistZoneOptions[] asked)
    {
        var options = new MailkeyOptions();
        options.Blocklists.Timeout = Patience;
        options.Blocklists.Zones.AddRange(asked);
        return await new BlocklistCheck(Resolver(zones.Server.Endpoint), Options.Create(options), TimeProvider.System).CheckAsync(Client(client), Cancellation);
    }

    private static BlocklistCheck Check(IDnsResolver resolver, TimeProvider time, TimeSpan timeLimit, params string[] names)
    {
        var options = new MailkeyOptions();
        options.Blocklists.Timeout = timeLimit;
        options.Blocklists.Zones.AddRange(names.Select(name => new BlocklistZoneOptions { Name = name }));
        return new(resolver, Options.Create(options), time);
    }

    private static DnsResolver Resolver(IPEndPoint server) => new(new() { Servers = [server], AttemptTimeout = Patience, Timeout = Patience }, TimeProvider.System);

    private static ConnectionFacts Client(string address) => new() { ClientAddress = address, ClientName = "client.test", Protocol = "ESMTP", Server = "test" };
}

/// <summary>A name server with lists that work and lists that don't.</summary>
public sealed class BlocklistZones : IAsyncLifetime
{
    public UnboundServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await UnboundServer.StartAsync(
        [
            "4.3.2.1.bl.test. 300 IN A 127.0.0.2",
            "4.3.2.1.bl.test. 300 IN A 127.0.0.4",
            "4.3.2.1.bl.test. 300 IN TXT \"see https://bl.test/\" \"1.2.3.4\"",
            "6.3.2.1.bl.test. 300 IN A 127.0.0.2",
            $"6.3.2.1.bl.test. 300 IN TXT \"bad\\013\\027[2J\\255{new string('x', 240)}\"",
            "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.4.1.0.0.a.2.bl.test. 300 IN A 127.0.0.2",
            "4.3.2.1.al.test. 300 IN A 127.0.10.1",
            "empty.test. 300 IN TXT \"nobody is here\"",
            "4.3.2.1.parked.test. 300 IN A 192.0.2.80",
            "4.3.2.1.refusing.test. 300 IN A 127.255.255.254",
            "4.3.2.1.all.test. 300 IN A 127.0.0.2",
            "1.0.0.127.all.test. 300 IN A 127.0.0.2",
        ],
        ["broken.test."]);

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
