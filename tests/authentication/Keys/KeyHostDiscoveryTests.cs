using System.Net;
using Mailkey.Authentication.Keys;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Https;
using Microsoft.AspNetCore.Http;

namespace Mailkey.Authentication.Tests.Keys;

/// <summary>A real name server and a real HTTPS server with a domain for each case.</summary>
public sealed class KeyHostWorld : IAsyncLifetime
{
    public static readonly string[] Hosts =
    [
        "mailkey.https.test", "mailkey.both.test", "mailkey.missing.test", "mailkey.error.test", "mailkey.redirect.test", "mailkey.foreign.test", "mailkey.html.test",
        "mailkey.big.test", "mailkey.bad.test", "mailkey.mx.provider.test", "mailkey.slow.test", "mailkey.wild.test", "mailkey.packed.test", "mailkey.wildpub.test",
    ];

    public TestAuthority Authority { get; } = new();
    public UnboundServer Dns { get; private set; } = null!;
    public KeyHostServer Https { get; private set; } = null!;

    /// <summary>Serial of the documents that are served.</summary>
    public long Serial { get; set; } = 42;

    /// <summary>Released when the slow host has been asked.</summary>
    public SemaphoreSlim SlowAsked { get; } = new(0);

    public async ValueTask InitializeAsync()
    {
        Https = await KeyHostServer.StartAsync(Authority, Hosts, AnswerAsync);
        Dns = await UnboundServer.StartAsync(
            [
                Txt("mailkey.txt.test", DiscoverySetup.Record()),
                Txt("mailkey.txt.test", DiscoverySetup.Record("2026b", "; t=y; n=second; r=https://reports.txt.test/mailkey")),
                Txt("mailkey.txt.test", "v=spf1 -all"),
                Txt("mailkey.useless.test", "v=MAILKEY1; k=rsa; s=old; p=AAAA"),
                Txt("mailkey.other.test", "v=spf1 -all"),
                Txt("mailkey.both.test", DiscoverySetup.Record("intxt")),
                .. Hosts.Where(host => !host.StartsWith("mailkey.wild", StringComparison.Ordinal)).Select(host => $"{host}. 60 IN A 127.0.0.1"),
                "mailkey.nocert.test. 60 IN A 127.0.0.1",
                "mailkey.dead.test. 60 IN A 127.0.0.2",

                // Found below mail exchangers.
                "tenant1.test. 60 IN MX 10 mx.provider.test.",
                "tenant2.test. 60 IN MX 10 mx.provider.test.",
                "tenant3.test. 60 IN MX 10 mx.big-provider.test.",
                "mx.provider.test. 60 IN A 192.0.2.1",
                "mx.big-provider.test. 60 IN A 192.0.2.1",
                "txt-tenant.test. 60 IN MX 5 a.mx-txt.test.",
                "txt-tenant.test. 60 IN MX 10 b.mx-txt.test.",
                "txt-stranger.test. 60 IN MX 5 a.mx-txt.test.",
                Txt("mailkey.a.mx-txt.test", DiscoverySetup.Record("shared", "; d=TXT-tenant.test")),
                Txt("mailkey.a.mx-txt.test", DiscoverySetup.Record("own")),
                "dropped.test. 60 IN MX 5 in1.farm.parent.test.",
                "in1.farm.parent.test. 60 IN A 192.0.2.1",
                Txt("mailkey.farm.parent.test", DiscoverySetup.Record("dropped", "; d=dropped.test")),
                "apex-victim.test. 60 IN MX 5 apex.co.test.",
                "apex.co.test. 60 IN SOA ns.apex.co.test. postmaster.apex.co.test. 1 3600 600 86400 60",
                Txt("mailkey.co.test", DiscoverySetup.Record("evil", "; d=apex-victim.test")),
                "nullmx.test. 60 IN MX 0 .",
                "broken-mx.test. 60 IN MX 5 mx.broken.test.",

                // A zone with a wildcard.
                "wild.test. 60 IN MX 5 mx.wild.test.",
                "*.wild.test. 60 IN A 127.0.0.1",
                "mailkey.wild.test. 60 IN A 127.0.0.1",
                "mailkey-wildcard-probe.wild.test. 60 IN A 127.0.0.1",
                "mailkey.wildpub.test. 60 IN A 127.0.0.1",
                "mailkey-wildcard-probe.wildpub.test. 60 IN A 127.0.0.1",
            ],
            ["broken.test.", "mailkey.servfail.test.", "mailkey.brokenhost.test."]);
    }

    public async ValueTask DisposeAsync()
    {
        await Https.DisposeAsync();
        await Dns.DisposeAsync();
        Authority.Dispose();
        SlowAsked.Dispose();
    }

    public static string Txt(string name, string text) =>
        $"{name}. 120 IN TXT {string.Join(' ', text.Chunk(40).Select(part => $"\"{new string(part)}\""))}";

    private Task AnswerAsync(HttpContext context)
    {
        var domain = context.Request.Query["domain"].ToString();
        switch (domain)
        {
            case "missing.test" or "wild.test" or "tenant2.test":
                context.Response.StatusCode = 404;
                return Task.CompletedTask;
            case "error.test":
                context.Response.StatusCode = 503;
                return Task.CompletedTask;
            case "redirect.test":
                context.Response.Redirect("https://mailkey.https.test/.well-known/mailkey?domain=redirect.test");
                return Task.CompletedTask;
            case "foreign.test" or "tenant3.test":
                return KeyHostServer.WriteAsync(context, DiscoverySetup.Document("elsewhere.test", 1));
            case "html.test":
                return KeyHostServer.WriteAsync(context, DiscoverySetup.Document(domain, 1), "text/html");
            case "big.test":
                return KeyHostServer.WriteAsync(context, DiscoverySetup.Document(domain, 1) + new string(' ', HostDocument.MaxLength));
            case "bad.test":
                return KeyHostServer.WriteAsync(context, "{\"version\":1,");
            case "packed.test":
                context.Response.Headers.ContentEncoding = "gzip";
                return KeyHostServer.WriteAsync(context, DiscoverySetup.Document(domain, 1));
            case "slow.test":
                SlowAsked.Release();
                return Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted);
            default:
                return KeyHostServer.WriteAsync(context, DiscoverySetup.Document(domain, Serial));
        }
    }
}

/// <summary>Discovery in that world. The tests of a class run one after the other.</summary>
public sealed class KeyHostDiscoveryTests : IClassFixture<KeyHostWorld>, IDisposable
{
    private readonly KeyHostWorld _world;
    private readonly DiscoverySetup _setup;

    public KeyHostDiscoveryTests(KeyHostWorld world)
    {
        _world = world;
        _world.Https.Requests.Clear();
        _world.Serial = 42;
        while (_world.SlowAsked.Wait(TimeSpan.Zero))
        {
            // what an earlier test left
        }

        _setup = new(world.Dns.Endpoint, authority: world.Authority, https: world.Https);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _setup.Dispose();

    [Fact]
    public async Task KeyHostDiscovery_reads_txt_records()
    {
        var host = await _setup.Discovery.FindAsync("TXT.test.", Stop);
        Assert.Equal((KeyHostState.Exists, "txt", "txt.test"), (host.State, host.Source, host.Domain));
        Assert.Equal(TimeSpan.FromSeconds(120), host.MaxAge);
        Assert.Equal(["2026a", "2026b"], host.Keys!.Keys.Select(key => key.Name).OrderBy(name => name, StringComparer.Ordinal).ToArray());
        Assert.All(host.Keys.Keys, key => Assert.Equal(DiscoverySetup.PublicKey, Convert.ToBase64String(key.Material.Span)));
        Assert.True(host.Keys.Keys.Single(key => key.Name == "2026b").Test);
        Assert.Equal("second", host.Keys.Keys.Single(key => key.Name == "2026b").Note);
        Assert.Equal("https://reports.txt.test/mailkey", host.Keys.ReportUrl);
        Assert.Empty(host.Keys.Problems);
    }

    [Fact]
    public async Task KeyHostDiscovery_says_exists_when_no_key_is_usable()
    {
        var host = await _setup.Discovery.FindAsync("useless.test", Stop);
        Assert.Equal(KeyHostState.Exists, host.State);
        Assert.Empty(host.Keys!.Keys);
        Assert.Contains("key old", Assert.Single(host.Keys.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public async Task KeyHostDiscovery_fetches_the_set_of_a_host()
    {
        var host = await _setup.Discovery.FindAsync("https.test", Stop);
        Assert.Equal((KeyHostState.Exists, "https"), (host.State, host.Source));
        Assert.Equal(42, host.Keys!.Serial);
        Assert.Equal(TimeSpan.FromSeconds(600), host.MaxAge);
        Assert.Equal("mailkey.https.test/.well-known/mailkey?domain=https.test", Assert.Single(_world.Https.Requests));
    }

    [Fact]
    public async Task KeyHostDiscovery_prefers_txt()
    {
        var host = await _setup.Discovery.FindAsync("both.test", Stop);
        Assert.Equal(("txt", "intxt"), (host.Source, host.Keys!.Keys.Single().Name));
        Assert.Empty(_world.Https.Requests);
    }

    [Theory]
    [InlineData("nothing.test")]
    [InlineData("other.test")] // a TXT record that is not ours, and no address
    [InlineData("nullmx.test")]
    [InlineData("[192.0.2.1]")]
    public async Task KeyHostDiscovery_says_absent_when_that_is_proven(string domain)
    {
        var host = await _setup.Discovery.FindAsync(domain, Stop);
        Assert.Equal(KeyHostState.Absent, host.State);
        Assert.Null(host.Keys);
    }

    [Theory]
    [InlineData("servfail.test", "SERVFAIL")]
    [InlineData("broken.test", "SERVFAIL")]
    [InlineData("broken-mx.test", "SERVFAIL")]
    [InlineData("missing.test", "404")]
    [InlineData("error.test", "503")]
    [InlineData("redirect.test", "302")]
    [InlineData("foreign.test", "elsewhere.test")]
    [InlineData("html.test", "application/json")]
    [InlineData("big.test", "32 KiB")]
    [InlineData("bad.test", "not JSON")]
    [InlineData("packed.test", "encoding")]
    [InlineData("nocert.test", "TLS")]
    [InlineData("dead.test", "refused")]
    public async Task KeyHostDiscovery_says_unknown_when_anything_fails(string domain, string reason)
    {
        var host = await _setup.Discovery.FindAsync(domain, Stop);
        Assert.Equal(KeyHostState.Unknown, host.State);
        Assert.Contains(reason, host.Reason, StringComparison.Ordinal);
        Assert.Null(host.Keys);
        Assert.Equal(_setup.Options.UnknownAge, host.MaxAge);
    }

    [Fact]
    public async Task KeyHostDiscovery_does_not_wait_for_a_slow_host()
    {
        using var setup = new DiscoverySetup(_world.Dns.Endpoint, new() { FetchTimeout = TimeSpan.FromMilliseconds(300) }, _world.Authority, _world.Https);
        setup.Options.AllowPrivateAddresses = true;
        var host = await setup.Discovery.FindAsync("slow.test", Stop);
        Assert.Equal(KeyHostState.Unknown, host.State);
        Assert.Contains("did not answer", host.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task KeyHostDiscovery_leaves_room_for_others_when_hosts_are_slow()
    {
        using var setup = new DiscoverySetup(_world.Dns.Endpoint, new() { MaxConcurrent = 4, FetchTimeout = TimeSpan.FromSeconds(3) }, _world.Authority, _world.Https);
        setup.Options.AllowPrivateAddresses = true;
        var slow = setup.Discovery.FindAsync("slow.test", Stop).AsTask();
        await _world.SlowAsked.WaitAsync(Stop);

        // A quarter of the discoveries may be at a fetch: this one is not among them, and nothing of that is kept.
        var turnedAway = await setup.Discovery.FindAsync("https.test", Stop);
        Assert.Equal(KeyHostState.Unknown, turnedAway.State);
        Assert.Contains("too many", turnedAway.Reason, StringComparison.Ordinal);
        Assert.Equal(KeyHostState.Exists, (await setup.Discovery.FindAsync("txt.test", Stop)).State);
        Assert.Equal(KeyHostState.Unknown, (await slow).State);
        Assert.Equal(KeyHostState.Exists, (await setup.Discovery.FindAsync("https.test", Stop)).State);
    }

    [Fact]
    public async Task KeyHostDiscovery_does_not_trust_an_expired_certificate_or_a_strange_authority()
    {
        await using var expired = await KeyHostServer.StartAsync(_world.Authority, KeyHostWorld.Hosts, context => KeyHostServer.WriteAsync(context, DiscoverySetup.Document("https.test", 1)), expired: true);
        using var one = new DiscoverySetup(_world.Dns.Endpoint, authority: _world.Authority, https: expired);
        Assert.Contains("TLS", (await one.Discovery.FindAsync("https.test", Stop)).Reason, StringComparison.Ordinal);

        using var strange = new DiscoverySetup(_world.Dns.Endpoint, https: _world.Https);
        Assert.Contains("TLS", (await strange.Discovery.FindAsync("https.test", Stop)).Reason, StringComparison.Ordinal);
        Assert.Empty(expired.Requests);
        Assert.Empty(_world.Https.Requests);
    }

    [Fact]
    public async Task KeyHostDiscovery_does_not_connect_to_private_addresses()
    {
        using var setup = new DiscoverySetup(_world.Dns.Endpoint, new(), _world.Authority, _world.Https);
        var host = await setup.Discovery.FindAsync("https.test", Stop);
        Assert.Equal(KeyHostState.Unknown, host.State);
        Assert.Contains("no public address", host.Reason, StringComparison.Ordinal);
        Assert.Empty(_world.Https.Requests);
    }

    [Fact]
    public async Task KeyHostDiscovery_takes_the_form_of_the_exchanger_when_it_names_the_domain()
    {
        var host = await _setup.Discovery.FindAsync("tenant1.test", Stop);
        Assert.Equal((KeyHostState.Exists, "mx-https"), (host.State, host.Source));
        Assert.Equal("mailkey.mx.provider.test/.well-known/mailkey?domain=tenant1.test", Assert.Single(_world.Https.Requests));

        host = await _setup.Discovery.FindAsync("txt-tenant.test", Stop);
        Assert.Equal((KeyHostState.Exists, "mx-txt"), (host.State, host.Source));
        Assert.Equal("shared", Assert.Single(host.Keys!.Keys).Name);

        host = await _setup.Discovery.FindAsync("dropped.test", Stop);
        Assert.Equal((KeyHostState.Exists, "mx-txt"), (host.State, host.Source));
        Assert.Equal("dropped", Assert.Single(host.Keys!.Keys).Name);
    }

    [Theory]
    [InlineData("tenant2.test")] // 404
    [InlineData("tenant3.test")] // no host there
    [InlineData("txt-stranger.test")] // records of other domains
    public async Task KeyHostDiscovery_gives_nothing_for_an_exchanger_that_does_not_name_the_domain(string domain)
    {
        Assert.Equal(KeyHostState.Absent, (await _setup.Discovery.FindAsync(domain, Stop)).State);
    }

    [Fact]
    public async Task KeyHostDiscovery_does_not_go_above_the_zone_of_an_exchanger()
    {
        // Anybody could have registered mailkey.co.test and name any domain there.
        Assert.Equal(KeyHostState.Absent, (await _setup.Discovery.FindAsync("apex-victim.test", Stop)).State);
    }

    [Fact]
    public async Task KeyHostDiscovery_does_not_take_a_wildcard_for_a_key_host()
    {
        Assert.Equal(KeyHostState.Absent, (await _setup.Discovery.FindAsync("wild.test", Stop)).State);
        Assert.Equal("https", (await _setup.Discovery.FindAsync("wildpub.test", Stop)).Source); // but it may be one
    }

    [Fact]
    public async Task KeyHostDiscovery_refuses_a_set_that_was_rolled_back()
    {
        await _setup.Discovery.FindAsync("https.test", Stop);
        _world.Serial = 41;
        var host = await _setup.NewDiscovery().FindAsync("https.test", Stop);
        Assert.Equal(KeyHostState.Unknown, host.State);
        Assert.Contains("lower than 42", host.Reason, StringComparison.Ordinal);

        _world.Serial = 43;
        Assert.Equal(43, (await _setup.NewDiscovery().FindAsync("https.test", Stop)).Keys!.Serial);
        Assert.Equal(43, _setup.Memory.Recall("https.test")!.Serial);
    }

    [Fact]
    public async Task KeyHostDiscovery_treats_a_publisher_that_vanished_as_unknown_for_the_grace_period()
    {
        await _world.Dns.AddAsync(KeyHostWorld.Txt("mailkey.vanishing.test", DiscoverySetup.Record()));
        Assert.Equal(KeyHostState.Exists, (await Fresh().FindAsync("vanishing.test", Stop)).State);
        _setup.Time.Advance(TimeSpan.FromDays(30));

        await _world.Dns.RemoveAsync("mailkey.vanishing.test");
        using var other = new DiscoverySetup(_world.Dns.Endpoint);
        Assert.Equal(KeyHostState.Absent, (await other.Discovery.FindAsync("vanishing.test", Stop)).State);

        var host = await Fresh().FindAsync("vanishing.test", Stop);
        Assert.Equal(KeyHostState.Unknown, host.State);
        Assert.Contains("published a key set until", host.Reason, StringComparison.Ordinal);
        _setup.Time.Advance(_setup.Options.VanishedGrace - TimeSpan.FromSeconds(1));
        Assert.Equal(KeyHostState.Unknown, (await Fresh().FindAsync("vanishing.test", Stop)).State);

        _setup.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(KeyHostState.Absent, (await Fresh().FindAsync("vanishing.test", Stop)).State);
        Assert.Null(_setup.Memory.Recall("vanishing.test"));
    }

    [Fact]
    public async Task KeyHostDiscovery_lets_a_publisher_come_back()
    {
        _setup.Memory.Remember(new("txt.test", 7, _setup.Time.GetUtcNow(), _setup.Time.GetUtcNow()));
        Assert.Equal(KeyHostState.Exists, (await _setup.Discovery.FindAsync("txt.test", Stop)).State);
        Assert.Equal(new("txt.test", 7, _setup.Time.GetUtcNow()), _setup.Memory.Recall("txt.test"));
    }

    // The resolver of the setup keeps answers by the real clock; a new one asks again.
    private KeyHostDiscovery Fresh() => new(
        new(new Mailkey.Dns.DnsResolver(new() { Servers = [_world.Dns.Endpoint] }, TimeProvider.System), _setup.Fetcher),
        _setup.Options,
        _setup.Memory,
        _setup.Time,
        Microsoft.Extensions.Logging.Abstractions.NullLogger<KeyHostDiscovery>.Instance);
}
