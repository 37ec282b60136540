using System.Net;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Keys;

namespace Mailkey.Portal.Tests;

/// <summary>Whose forms are taken, and what strangers see.</summary>
[Collection(nameof(PortalWorld))]
public sealed class FormRulesTests(PortalWorld world)
{
    [Fact]
    public async Task Form_of_another_site_does_nothing()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        using var bob = await world.NewBrowser().SignInAsync(PortalWorld.Bob);
        await browser.GetAsync($"/portal/agreements/{id}");
        var own = world.Address.GetLeftPart(UriPartial.Authority);
        var token = Browser.TokenOf(browser.Page);
        (string Name, string Value) origin = ("Origin", own);
        ((string, string)[] Headers, (string, string)[] Fields)[] foreign =
        [
            ([origin], []),
            ([origin], [("form", "")]),
            ([origin], [("form", token[..^1])]),
            ([origin], [("form", Browser.TokenOf(bob.Page))]),
            ([origin], [("form", token), ("form", token)]),
            ([("Origin", "https://evil.example")], [("form", token)]),
            ([("Origin", "null")], [("form", token)]),
            ([("Origin", own + "1")], [("form", token)]),
            ([("Origin", "http://127.0.0.1")], [("form", token)]),
            ([origin, ("Sec-Fetch-Site", "cross-site")], [("form", token)]),
            ([origin, ("Sec-Fetch-Site", "same-site")], [("form", token)]),
            ([], [("form", token)]),
        ];
        foreach (var (headers, fields) in foreign)
        {
            using var response = await browser.PostAsync($"/portal/agreements/{id}/pause", headers, fields);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }

        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(id)).Status);
        using var good = await browser.PostAsync($"/portal/agreements/{id}/pause", [("Sec-Fetch-Site", "same-origin")], [("form", token)]);
        Assert.Equal(HttpStatusCode.SeeOther, good.StatusCode);
        Assert.Equal(AgreementStatus.Suspended, (await world.StateAsync(id)).Status);
    }

    [Fact]
    public async Task Nobody_is_signed_in_or_out_by_another_site()
    {
        using var browser = world.NewBrowser();
        await browser.GetAsync("/portal/sign-in");
        using var response = await browser.PostAsync(
            "/portal/sign-in", [("Origin", "https://evil.example")], [("form", Browser.TokenOf(browser.Page)), ("name", PortalWorld.Alice), ("password", PortalWorld.Password)]);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Null(browser.Session);
        await browser.SignInAsync(PortalWorld.Alice);
        using var signOut = await browser.PostAsync("/portal/sign-out", [("Origin", "https://evil.example")], [("form", Browser.TokenOf(browser.Page))]);
        Assert.Equal(HttpStatusCode.Forbidden, signOut.StatusCode);
        using var still = await browser.GetAsync("/portal");
        Assert.Equal(HttpStatusCode.OK, still.StatusCode);
    }

    [Theory]
    [InlineData("pause")]
    [InlineData("end")]
    [InlineData("consent")]
    [InlineData("report")]
    public async Task Get_never_acts(string action)
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice, consented: action != "consent");
        var before = (await world.Desk.LoadAsync(id, null, TestContext.Current.CancellationToken)).Version;
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        using var response = await browser.GetAsync($"/portal/agreements/{id}/{action}?version=1&scope=series&class=content");
        Assert.False(response.IsSuccessStatusCode);
        Assert.Equal(before, (await world.Desk.LoadAsync(id, null, TestContext.Current.CancellationToken)).Version);
    }

    [Fact]
    public async Task Agreement_of_somebody_else_looks_like_one_that_is_not_there()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Bob, name: "Secret club of Bob");
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        Assert.DoesNotContain("Secret club", browser.Page, StringComparison.Ordinal);
        var list = browser.Page;
        foreach (var action in (string[])["", "/pause", "/end", "/consent", "/report", "/terms", "/address"])
        {
            var pages = new List<string>();
            foreach (var asked in (string[])[id.ToString(), AgreementId.Mint().ToString(), "nonsense"])
            {
                await browser.GetAsync("/portal");
                using var response = action.Length == 0 ? await browser.GetAsync($"/portal/agreements/{asked}") : await browser.PostAsync($"/portal/agreements/{asked}{action}", ("version", "1"));
                Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
                pages.Add(browser.Page);
            }

            Assert.Equal(pages[1], pages[0]);
            Assert.Equal(pages[1], pages[2]);
            Assert.DoesNotContain("Secret club", pages[0], StringComparison.Ordinal);
        }

        await browser.GetAsync("/portal");
        using var bulk = await browser.PostAsync("/portal/agreements", ("do", "pause"), ("id", id.ToString()));
        Assert.Equal(HttpStatusCode.NotFound, bulk.StatusCode);
        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(id)).Status);
        Assert.NotEmpty(list);
    }

    [Fact]
    public async Task Pages_of_operators_are_not_there_for_users()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        Assert.DoesNotContain("/portal/operator", browser.Page, StringComparison.Ordinal);
        foreach (var path in (string[])["/portal/operator", $"/portal/operator/agreements/{id}", "/portal/operator/organizations/a.example"])
        {
            using var response = await browser.GetAsync(path);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }

        foreach (var path in (string[])[$"/portal/operator/agreements/{id}/suspend", "/portal/operator/organizations/a.example/ban"])
        {
            using var response = await browser.PostAsync(path, ("reason", "because"));
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }

        Assert.Equal(AgreementStatus.ActiveProbation, (await world.StateAsync(id)).Status);
    }

    [Fact]
    public async Task Every_answer_forbids_what_it_does_not_need()
    {
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        using var stranger = world.NewBrowser();
        foreach (var (who, path) in ((Browser, string)[])
            [(browser, "/portal"), (browser, "/portal/agreements/x"), (browser, "/portal/nowhere"), (stranger, "/portal"), (stranger, "/portal/sign-in"), (stranger, "/consent/x")])
        {
            using var response = await who.GetAsync(path);
            var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
            Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
            Assert.Contains("form-action 'self'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("script-src", policy, StringComparison.Ordinal);
            Assert.True(response.Headers.CacheControl!.NoStore);
            Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
            Assert.Equal("DENY", Assert.Single(response.Headers.GetValues("X-Frame-Options")));
            Assert.Equal("same-origin", Assert.Single(response.Headers.GetValues("Referrer-Policy")));
            Assert.DoesNotContain("<script", who.Page, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("style=", who.Page, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Text_of_strangers_stays_text()
    {
        const string Hostile = "\"><script>alert(1)</script><img src=x onerror=alert(2)> {{7*7}} &lt;b&gt;";
        var id = await world.NewAgreementAsync(
            PortalWorld.Alice, name: Hostile, forwarder: "xn--bcher-kva.example",
            evidence: new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), "192.0.2.9 <b>", $"<style>*{{display:none}}</style>\n{Hostile}"));
        await world.DecideAsync(id, new Suspend(new(Mailkey.Agreements.Decisions.ActorKind.Operator, PortalWorld.Postmaster), "<iframe src=//evil.example>"));
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        foreach (var path in (string[])["/portal", $"/portal/agreements/{id}"])
        {
            await browser.GetAsync(path);
            Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;", browser.Page, StringComparison.Ordinal);
            Assert.DoesNotContain("<script", browser.Page, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("<img", browser.Page, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("<iframe", browser.Page, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("<style", browser.Page, StringComparison.OrdinalIgnoreCase);

            // As it is read, and as it is compared.
            Assert.Contains("b&#xFC;cher.example", browser.Page, StringComparison.Ordinal);
            Assert.Contains("xn--bcher-kva.example", browser.Page, StringComparison.Ordinal);
        }

        await world.DecideAsync(id, new End(new(Mailkey.Agreements.Decisions.ActorKind.User, PortalWorld.Alice), null));
    }

    [Fact]
    public async Task Forms_that_are_none_are_refused()
    {
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        var token = Browser.TokenOf(browser.Page);
        using var json = new HttpRequestMessage(HttpMethod.Post, "/portal/agreements") { Content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json") };
        using var asJson = await browser.SendAsync(json);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, asJson.StatusCode);
        using var large = await browser.PostAsync("/portal/agreements", [("Origin", world.Address.GetLeftPart(UriPartial.Authority))], [("form", token), ("id", new('x', 70_000))]);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
        using var many = await browser.PostAsync(
            "/portal/agreements", [("Origin", world.Address.GetLeftPart(UriPartial.Authority))], [("form", token), .. Enumerable.Range(0, 3000).Select(i => ($"f{i}", ""))]);
        Assert.Equal(HttpStatusCode.BadRequest, many.StatusCode);

        // A part that ends in the middle, and a text that has no normal form.
        using var broken = new HttpRequestMessage(HttpMethod.Post, "/portal/sign-in")
        {
            Content = new StringContent("--x\r\nContent-Disposition: form-data; name=\"form\"\r\n\r\nno end"),
        };
        broken.Content.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse("multipart/form-data; boundary=x");
        using var cut = await browser.SendAsync(broken);
        Assert.Equal(HttpStatusCode.BadRequest, cut.StatusCode);
        using var stranger = world.NewBrowser();
        await stranger.GetAsync("/portal/sign-in");
        using var odd = await stranger.PostAsync("/portal/sign-in", ("name", PortalWorld.Alice), ("password", "\uFFFE"), ("to", "/portal"));
        Assert.Equal(HttpStatusCode.Forbidden, odd.StatusCode);
    }
}
