using System.Net;
using System.Net.Sockets;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Testkit.Https;

namespace Mailkey.Authentication.Tests.Keys;

public sealed class KeySetFetcherTests
{
    // All of them pass DomainName, and a stranger may name any of them as domain or mail exchanger.
    [Theory]
    [InlineData("mailkey.a_b.example")]
    [InlineData("mailkey._x.example")]
    [InlineData("mailkey.x_")]
    [InlineData("mailkey.xn--a.example")]
    [InlineData("mailkey.xn--99999999.example")]
    [InlineData("mailkey.1.2.3.4")]
    [InlineData("mailkey.ab--cd.example")]
    public async Task KeySetFetcher_host_of_any_name_gives_a_fault_and_no_exception(string host)
    {
        using var authority = new TestAuthority();
        await using var server = await KeyHostServer.StartAsync(authority, ["other.example"], "{}");
        using var fetcher = new KeySetFetcher(new() { AllowPrivateAddresses = true, HttpsPort = server.Port }, TimeProvider.System);

        var fetched = await fetcher.FetchAsync(host, "example.org", [IPAddress.Loopback], TestContext.Current.CancellationToken);

        Assert.Null(fetched.Document);
        Assert.Equal(KeyHostFault.Tls, fetched.Fault);
    }

    [Fact]
    public async Task KeySetFetcher_leaves_turns_for_other_networks()
    {
        // It takes connections and never says a word.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var fetcher = new KeySetFetcher(
            new() { AllowPrivateAddresses = true, HttpsPort = ((IPEndPoint)silent.LocalEndpoint).Port, MaxConcurrent = 16, FetchTimeout = TimeSpan.FromMinutes(1) }, TimeProvider.System);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        async Task<FetchedKeySet> FetchAsync(int i, string client)
        {
            AskingNetwork.Current = AskingNetwork.Of(client);
            return await fetcher.FetchAsync($"mailkey.d{i}.example", $"d{i}.example", [IPAddress.Loopback], leaving.Token);
        }

        List<Task<FetchedKeySet>> waiting = [FetchAsync(1, "192.0.2.1"), FetchAsync(2, "192.0.2.2")];
        Assert.Equal(KeyHostFault.Busy, (await FetchAsync(3, "192.0.2.3")).Fault);
        waiting.Add(FetchAsync(4, "192.0.3.1"));
        waiting.Add(FetchAsync(5, "192.0.3.1"));
        Assert.All(waiting, fetch => Assert.False(fetch.IsCompleted));
        Assert.Equal(KeyHostFault.Busy, (await FetchAsync(6, "192.0.4.1")).Fault);
        await leaving.CancelAsync();
        foreach (var fetch in waiting)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch);
        }
    }
}
