using System.Net;
using Mailkey.Delivery.Outbound;
using Mailkey.Delivery.Routing;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Testkit.Dns;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Tests.Routing;

public sealed class ExchangerLookupTests : IAsyncLifetime
{
    private UnboundServer _dns = null!;
    private DnsResolver _resolver = null!;

    public async ValueTask InitializeAsync()
    {
        _dns = await UnboundServer.StartAsync(
            [
                "two.example. 300 IN MX 20 second.two.example.",
                "two.example. 300 IN MX 10 first.two.example.",
                "first.two.example. 300 IN A 127.0.0.11",
                "second.two.example. 300 IN A 127.0.0.12",
                "equal.example. 300 IN MX 10 a.equal.example.",
                "equal.example. 300 IN MX 10 b.equal.example.",
                "a.equal.example. 300 IN A 127.0.0.13",
                "b.equal.example. 300 IN A 127.0.0.14",
                "implicit.example. 300 IN A 127.0.0.15",
                "implicit.example. 300 IN AAAA ::1",
                "null.example. 300 IN MX 0 .",
                "own.example. 300 IN MX 10 better.own.example.",
                "own.example. 300 IN MX 20 mail.edge.example.",
                "own.example. 300 IN MX 30 worse.own.example.",
                "better.own.example. 300 IN A 127.0.0.16",
                "worse.own.example. 300 IN A 127.0.0.17",
                "onlyown.example. 300 IN MX 10 Mail.Edge.Example.",
                "noaddress.example. 300 IN MX 10 nowhere.example.",
                "broken-host.example. 300 IN MX 10 mx.broken.example.",
                "text.example. 300 IN TXT \"no mail here\"",
            ],
            ["broken.example."]);
        _resolver = new(DnsServices.From(new() { Resolvers = [_dns.Resolver] }), TimeProvider.System);
    }

    public async ValueTask DisposeAsync() => await _dns.DisposeAsync();

    [Fact]
    public async Task Exchangers_come_in_order_of_preference()
    {
        var (addresses, _) = await FindAsync("two.example");
        Assert.Equal([("first.two.example", "127.0.0.11:2525"), ("second.two.example", "127.0.0.12:2525")], addresses.Select(address => (address.Name, address.EndPoint.ToString())));
    }

    [Fact]
    public async Task Equal_preferences_share_the_load()
    {
        HashSet<string> first = [];
        for (var i = 0; i < 100; i++)
        {
            first.Add((await FindAsync("equal.example")).Addresses[0].Name);
        }

        Assert.Equal(["a.equal.example", "b.equal.example"], first.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Without_MX_the_domain_itself_is_the_exchanger()
    {
        var (addresses, _) = await FindAsync("implicit.example");
        Assert.Equal(["[::1]:2525", "127.0.0.15:2525"], addresses.Select(address => address.EndPoint.ToString()));
    }

    [Fact]
    public async Task Only_exchangers_better_than_we_are_left_when_we_are_one()
    {
        var (addresses, _) = await FindAsync("own.example");
        Assert.Equal("better.own.example", Assert.Single(addresses).Name);
    }

    [Theory]
    [InlineData("null.example", true, "5.1.10")]
    [InlineData("nowhere.example", true, "5.1.2")]
    [InlineData("text.example", true, "5.4.4")]
    [InlineData("onlyown.example", true, "5.4.6")]
    [InlineData("noaddress.example", true, "5.4.4")]
    [InlineData("broken.example", false, "4.4.3")]
    [InlineData("broken-host.example", false, "4.4.3")]
    public async Task Domain_without_a_usable_exchanger(string domain, bool isPermanent, string status)
    {
        var (addresses, problem) = await FindAsync(domain);
        Assert.Empty(addresses);
        Assert.Equal((isPermanent, status), (problem!.IsPermanent, problem.Status));
    }

    [Theory]
    [InlineData("[127.0.0.1]", "127.0.0.1:2525")]
    [InlineData("[ipv6:::1]", "[::1]:2525")]
    public async Task Address_literal_is_its_own_exchanger(string domain, string expected) =>
        Assert.Equal(expected, Assert.Single((await FindAsync(domain)).Addresses).EndPoint.ToString());

    [Theory]
    [InlineData("implicit.example")]
    [InlineData("two.example")]
    [InlineData("[127.0.0.1]")]
    [InlineData("[ipv6:::ffff:127.0.0.1]")]
    [InlineData("[0.0.0.0]")]
    [InlineData("[169.254.169.254]")]
    [InlineData("[ipv6:::127.0.0.1]")]
    [InlineData("[ipv6:::]")]
    [InlineData("[ipv6:::1]")]
    [InlineData("[ipv6:64:ff9b::7f00:1]")]
    [InlineData("[ipv6:2002:7f00:1::1]")]
    [InlineData("[ipv6:2002:a9fe:a9fe::1]")]
    [InlineData("[ipv6:fe80::1]")]
    [InlineData("[ipv6:ff02::1]")]
    public async Task Nobody_leads_us_to_our_own_host_on_the_real_port(string domain)
    {
        var (addresses, problem) = await FindAsync(domain, port: 25);
        Assert.Empty(addresses);
        Assert.True(problem!.IsPermanent);
    }

    [Theory]
    [InlineData("[192.0.2.1]")]
    [InlineData("[10.0.0.1]")]
    [InlineData("[ipv6:2001:db8::1]")]
    [InlineData("[ipv6:64:ff9b::c000:201]")]
    public async Task Others_are_reached_on_the_real_port(string domain) =>
        Assert.Equal(25, Assert.Single((await FindAsync(domain, port: 25)).Addresses).EndPoint.Port);

    [Fact]
    public async Task A_dead_exchanger_is_passed_over()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"]);
        await _dns.AddAsync("mixed.example. 300 IN MX 10 dead.mixed.example.");
        await _dns.AddAsync("mixed.example. 300 IN MX 20 alive.mixed.example.");
        await _dns.AddAsync("dead.mixed.example. 300 IN A 127.0.0.99");
        await _dns.AddAsync("alive.mixed.example. 300 IN A 127.0.0.1");
        await using DeliveryBench bench = new(options => options.Delivery.SmtpPort = server.Port, _resolver);

        var outcome = Assert.Single(await bench.SendAsync("a@mixed.example"));

        Assert.Equal((OutcomeKind.Delivered, "alive.mixed.example", $"smtp://alive.mixed.example:{server.Port}"), (outcome.Kind, outcome.RemoteMta, outcome.NextHop));
    }

    [Fact]
    public async Task A_host_that_greets_with_our_own_name_is_a_loop()
    {
        await using var server = ScriptedServer.Behaved(["PIPELINING"], line => line.StartsWith("EHLO", StringComparison.Ordinal) ? "250 mail.edge.example" : null);
        await _dns.AddAsync("loop.example. 300 IN A 127.0.0.1");
        await using DeliveryBench bench = new(options => options.Delivery.SmtpPort = server.Port, _resolver);

        var outcome = Assert.Single(await bench.SendAsync("a@loop.example"));

        Assert.Equal((OutcomeKind.Failed, "5.4.6"), (outcome.Kind, outcome.Status));
        Assert.DoesNotContain(server.Lines(), line => line.StartsWith("MAIL", StringComparison.Ordinal));
    }

    private Task<(IReadOnlyList<ExchangerAddress> Addresses, Finding? Problem)> FindAsync(string domain, int port = 2525)
    {
        MailkeyOptions options = new() { Hostname = "mail.edge.example" };
        options.Delivery.SmtpPort = port;
        return new ExchangerLookup(_resolver, Options.Create(options)).FindAsync(NextHop.MailExchangers(domain), TestContext.Current.CancellationToken);
    }
}
