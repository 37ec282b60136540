using System.Globalization;
using System.Net;

namespace Mailkey.Portal.Tests;

/// <summary>What several processes of the service share, and what is each one's own.</summary>
[Collection(nameof(PortalWorld))]
public sealed class ReplicaTests(PortalWorld world)
{
    [Fact]
    public async Task Sessions_and_forms_are_good_at_every_replica_and_requests_are_limited()
    {
        const int Limit = 12;
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        await using var other = await world.StartReplicaAsync(string.Create(CultureInfo.InvariantCulture, $"--Mailkey:Agreements:Portal:RequestsPerClient={Limit}"));
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        using var there = new Browser(other.Address);
        there.Cookies.Add(new Cookie("mailkey-session", browser.Session, "/", "127.0.0.1"));

        // A form of the one is taken by the other, as behind a proxy that shares the load.
        await browser.GetAsync($"/portal/agreements/{id}");
        using var form = await there.PostAsync($"/portal/agreements/{id}/pause", [("Origin", other.Address.GetLeftPart(UriPartial.Authority))], [("form", Browser.TokenOf(browser.Page))]);
        Assert.Equal(HttpStatusCode.SeeOther, form.StatusCode);
        await browser.GetAsync($"/portal/agreements/{id}");
        Assert.Contains("Paused by you", browser.Page, StringComparison.Ordinal);

        // And a session that ended here has ended there.
        using var signOut = await browser.PostAsync("/portal/sign-out");
        using var ended = await there.GetAsync("/portal");
        Assert.Equal(HttpStatusCode.SeeOther, ended.StatusCode);

        // Long enough for a minute that ends meanwhile.
        for (var i = 0; i < 10 * Limit; i++)
        {
            using var response = await there.GetAsync("/portal/sign-in");
            if (response.StatusCode != HttpStatusCode.OK)
            {
                Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
                Assert.NotNull(response.Headers.RetryAfter);
                return;
            }
        }

        Assert.Fail("there is no limit");
    }
}
