using System.Net;
using Mailkey.Agreements.Accounts;
using Mailkey.Agreements.Portal.Sessions;
using Mailkey.Hosting.Options;
using Mailkey.Testkit;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Portal.Tests;

/// <summary>Who is signed in, from when until when.</summary>
[Collection(nameof(PortalWorld))]
public sealed class SessionRulesTests(PortalWorld world)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_of_an_account_lead_to_the_sign_in_and_back()
    {
        var id = await world.NewAgreementAsync(PortalWorld.Alice);
        using var browser = world.NewBrowser();
        using var response = await browser.GetAsync($"/portal/agreements/{id}");
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        var signIn = response.Headers.Location!.OriginalString;
        await browser.GetAsync(signIn);
        using var signedIn = await browser.PostAsync("/portal/sign-in", ("name", PortalWorld.Alice), ("password", PortalWorld.Password), ("to", browser.Hidden("to")));
        Assert.Equal($"/portal/agreements/{id}", signedIn.Headers.Location!.OriginalString);
        Assert.Contains("List", (await browser.GetAsync(signedIn.Headers.Location.OriginalString)).IsSuccessStatusCode ? browser.Page : "", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Accounts_that_can_not_be_read_for_a_moment_sign_nobody_out()
    {
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        var file = world.Accounts.Path;
        var good = await File.ReadAllBytesAsync(file, Stop);
        try
        {
            await File.WriteAllTextAsync(file, "typed by hand\n", Stop);
            using var away = await browser.GetAsync("/portal");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, away.StatusCode);
        }
        finally
        {
            await File.WriteAllBytesAsync(file, good, CancellationToken.None);
        }

        using var back = await browser.GetAsync("/portal");
        Assert.Equal(HttpStatusCode.OK, back.StatusCode);
    }

    [Fact]
    public async Task Session_cookie_is_for_this_host_and_no_script()
    {
        using var browser = world.NewBrowser();
        await browser.GetAsync("/portal/sign-in");
        using var response = await browser.PostAsync("/portal/sign-in", ("name", PortalWorld.Alice), ("password", PortalWorld.Password));
        var cookie = Assert.Single(response.Headers.GetValues("Set-Cookie"), value => value.StartsWith("mailkey-session=", StringComparison.Ordinal)).ToLowerInvariant();
        Assert.Contains("; path=/", cookie, StringComparison.Ordinal);
        Assert.Contains("; samesite=lax", cookie, StringComparison.Ordinal);
        Assert.Contains("; httponly", cookie, StringComparison.Ordinal);
        Assert.DoesNotContain("; domain", cookie, StringComparison.Ordinal);
        Assert.DoesNotContain("; expires", cookie, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host", "portal.b.example")]
    [InlineData("X-Forwarded-For", "198.51.100.7")]
    [InlineData("Via", "1.1 proxy")]
    public async Task Cookies_are_secure_wherever_the_browser_is_not_on_this_machine(string header, string value)
    {
        using var browser = world.NewBrowser();
        using var response = await browser.GetAsync("/portal/sign-in", (header, value));
        var cookie = Assert.Single(response.Headers.GetValues("Set-Cookie"));
        Assert.StartsWith("__Host-mailkey-form=", cookie, StringComparison.Ordinal);
        Assert.Contains("; secure", cookie, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Sign_in_begins_a_new_session_and_ends_the_one_before()
    {
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        var before = browser.Session;
        await browser.SignInAgainAsync(PortalWorld.Bob);
        Assert.NotEqual(before, browser.Session);
        Assert.False(await IsAliveAsync(before!));
        Assert.Contains(PortalWorld.Bob, browser.Page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secret_that_somebody_else_chose_is_no_session()
    {
        using var browser = world.NewBrowser();
        var chosen = PortalSessions.NewSecret();
        browser.Cookies.Add(new Cookie("mailkey-session", chosen, "/", "127.0.0.1"));
        await browser.SignInAsync(PortalWorld.Alice);
        Assert.NotEqual(chosen, browser.Session);
        Assert.False(await IsAliveAsync(chosen));
    }

    [Fact]
    public async Task Sign_out_ends_the_session_at_the_server()
    {
        using var browser = await world.NewBrowser().SignInAsync(PortalWorld.Alice);
        var session = browser.Session!;
        Assert.True(await IsAliveAsync(session));
        using var response = await browser.PostAsync("/portal/sign-out");
        Assert.Equal("/portal/sign-in", response.Headers.Location!.OriginalString);
        Assert.False(await IsAliveAsync(session));
        Assert.Null(browser.Session);
    }

    [Fact]
    public async Task Session_ends_when_idle_and_when_old()
    {
        var time = new ManualTime();
        await using var database = NpgsqlDataSource.Create(world.ConnectionString);
        var sessions = new PortalSessions(database, new Everybody(), Options.Create(new MailkeyOptions()), time);
        var secret = await sessions.BeginAsync(new(PortalWorld.Alice, false, ""), Stop);
        time.Advance(TimeSpan.FromMinutes(61));
        Assert.Null(await sessions.FindAsync(secret, Stop));

        secret = await sessions.BeginAsync(new(PortalWorld.Alice, false, ""), Stop);
        for (var i = 0; i < 23; i++)
        {
            time.Advance(TimeSpan.FromMinutes(30));
            Assert.NotNull(await sessions.FindAsync(secret, Stop));
        }

        time.Advance(TimeSpan.FromMinutes(30));
        Assert.Null(await sessions.FindAsync(secret, Stop));
    }

    [Fact]
    public async Task Session_ends_with_its_password_and_with_its_account()
    {
        world.Accounts.Write([.. world.Accounts.Read().Values, PortalWorld.Entry("carol@b.example")]);
        using var browser = await world.NewBrowser().SignInAsync("carol@b.example");
        using var other = await world.NewBrowser().SignInAsync("carol@b.example");
        world.Accounts.Write([.. world.Accounts.Read().Values.Where(entry => entry.Address != "carol@b.example"), PortalWorld.Entry("carol@b.example", password: "another password")]);
        Assert.False(await IsAliveAsync(browser.Session!));
        world.Accounts.Write(world.Accounts.Read().Values.Where(entry => entry.Address != "carol@b.example"));
        Assert.False(await IsAliveAsync(other.Session!));
    }

    [Fact]
    public async Task Wrong_password_is_refused_and_many_lock_the_account()
    {
        world.Accounts.Write([.. world.Accounts.Read().Values, PortalWorld.Entry("dora@b.example")]);
        using var browser = world.NewBrowser();
        await browser.GetAsync("/portal/sign-in");
        string? known = null;
        for (var i = 0; i < 5; i++)
        {
            using var response = await browser.PostAsync("/portal/sign-in", ("name", "dora@b.example"), ("password", "wrong"));
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            known = browser.Page;
        }

        using var locked = await browser.PostAsync("/portal/sign-in", ("name", "dora@b.example"), ("password", PortalWorld.Password));
        Assert.Equal(HttpStatusCode.TooManyRequests, locked.StatusCode);
        Assert.NotNull(locked.Headers.RetryAfter);

        // Nobody learns who has an account.
        using var unknown = await browser.PostAsync("/portal/sign-in", ("name", "dorb@b.example"), ("password", "wrong"));
        Assert.Equal(HttpStatusCode.Forbidden, unknown.StatusCode);
        Assert.Equal(known, browser.Page.Replace("dorb@", "dora@", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("//evil.example/portal")]
    [InlineData("https://evil.example/portal")]
    [InlineData("/\\evil.example")]
    [InlineData("/portal/\\evil")]
    [InlineData("/portalevil.example")]
    [InlineData("/portal/\r\nSet-Cookie: x=y")]
    [InlineData("javascript:alert(1)")]
    public async Task Sign_in_leads_to_no_other_place(string to)
    {
        using var browser = world.NewBrowser();
        await browser.GetAsync($"/portal/sign-in?to={Uri.EscapeDataString(to)}");
        Assert.Equal("/portal", browser.Hidden("to"));
        using var response = await browser.PostAsync("/portal/sign-in", ("name", PortalWorld.Alice), ("password", PortalWorld.Password), ("to", to));
        Assert.Equal("/portal", response.Headers.Location!.OriginalString);
    }

    private async Task<bool> IsAliveAsync(string session)
    {
        using var thief = world.NewBrowser();
        thief.Cookies.Add(new Cookie("mailkey-session", session, "/", "127.0.0.1"));
        using var response = await thief.GetAsync("/portal");
        return response.StatusCode == HttpStatusCode.OK;
    }

    private sealed class Everybody : IAccounts
    {
        public Task<SignIn> AuthenticateAsync(string name, string password, IPAddress client, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<Account?> FindAsync(string address, string stamp, CancellationToken cancellationToken) => ValueTask.FromResult<Account?>(new(address, false, stamp));

        public string? AccountOf(string recipient) => recipient;
    }
}
