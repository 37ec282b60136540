using System.Net;
using Mailkey.Hosting.Web;

namespace Mailkey.Status.Tests;

/// <summary>What the world may not do with the page.</summary>
public sealed class PageLimitTests(StatusWorld world) : IClassFixture<StatusWorld>
{
    [Fact]
    public async Task A_domain_is_looked_at_once_in_a_while_whoever_asks()
    {
        const string hour = "--Mailkey:StatusPage:CheckInterval=01:00:00";
        await using var one = await StatusHost.StartAsync(world, hour);
        await using var other = await StatusHost.StartAsync(world, hour);
        var domain = $"{Guid.NewGuid():N}.test";
        using var first = await one.PostAsync($"/domain/{domain}");
        Assert.Equal(HttpStatusCode.SeeOther, first.StatusCode);
        foreach (var host in new[] { one, other })
        {
            using var again = await host.PostAsync($"/domain/{domain}");
            Assert.Equal(HttpStatusCode.TooManyRequests, again.StatusCode);
            Assert.InRange(again.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromMinutes(30), TimeSpan.FromHours(1));
        }
    }

    [Fact]
    public async Task A_network_gets_its_share_of_looks()
    {
        await using var host = await StatusHost.StartAsync(world, "--Mailkey:StatusPage:ChecksPerClient=2");
        Assert.Equal([303, 303, 429, 429], await PostAsync(host, 4));
    }

    [Fact]
    public async Task Headers_of_a_client_do_not_give_it_another_share()
    {
        await using var host = await StatusHost.StartAsync(world, "--Mailkey:StatusPage:ChecksPerClient=1");
        Assert.Equal([303], await PostAsync(host, 1, ("X-Forwarded-For", "198.51.100.1")));
        Assert.Equal([429], await PostAsync(host, 1, ("X-Forwarded-For", "203.0.113.1")));
    }

    [Fact]
    public async Task Clients_behind_a_trusted_proxy_have_a_share_each()
    {
        await using var host = await StatusHost.StartAsync(world, "--Mailkey:StatusPage:ChecksPerClient=1", "--Mailkey:StatusPage:TrustedProxies:0=127.0.0.0/8");
        Assert.Equal([303, 429], await PostAsync(host, 2, ("X-Forwarded-For", "192.0.2.77, 198.51.100.1")));
        Assert.Equal([303], await PostAsync(host, 1, ("X-Forwarded-For", "192.0.2.77, 203.0.113.1")));
    }

    [Fact]
    public async Task All_together_get_no_more_than_that()
    {
        await using var host = await StatusHost.StartAsync(world, "--Mailkey:StatusPage:ChecksPerMinute=2");
        Assert.Equal([303, 303, 503], await PostAsync(host, 3));
    }

    [Fact]
    public async Task Pages_have_a_limit_too()
    {
        await using var host = await StatusHost.StartAsync(world, "--Mailkey:StatusPage:ViewsPerClient=3");
        List<int> codes = [];
        for (var i = 0; i < 4; i++)
        {
            using var response = await host.SendAsync(HttpMethod.Get, "/domain/exists.test");
            codes.Add((int)response.StatusCode);
            Assert.Equal(codes[^1] == 429, response.Headers.RetryAfter is not null);
        }

        Assert.Equal([200, 200, 200, 429], codes);
    }

    [Theory]
    [InlineData("192.0.2.130", "", "192.0.2.0/24")]
    [InlineData("::ffff:192.0.2.130", "", "192.0.2.0/24")]
    [InlineData("2001:db8:1:2ff:3::4", "", "2001:db8:1:200::/56")]
    [InlineData("192.0.2.1", "198.51.100.1", "192.0.2.0/24")]
    [InlineData("10.0.0.1", "198.51.100.1", "198.51.100.0/24")]
    [InlineData("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.1.2.3", "198.51.100.0/24")]
    [InlineData("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.0/24")]
    [InlineData("10.0.0.1", "", "10.0.0.0/24")]
    public void ClientNetwork_believes_trusted_proxies_only(string peer, string forwardedFor, string network)
    {
        Assert.Equal(network, new ClientNetwork(["10.0.0.0/8"]).Of(IPAddress.Parse(peer), [forwardedFor]));
    }

    private static async Task<List<int>> PostAsync(StatusHost host, int times, params (string, string)[] headers)
    {
        List<int> codes = [];
        for (var i = 0; i < times; i++)
        {
            using var response = await host.PostAsync($"/domain/{Guid.NewGuid():N}.test", headers);
            codes.Add((int)response.StatusCode);
            Assert.Equal(codes[^1] != 303, response.Headers.RetryAfter is not null);
        }

        return codes;
    }
}
