using System.Net;
using Mailkey.Authentication.Keys;
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
}
