using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Mailkey.Senders;

namespace Mailkey.Status.Tests;

/// <summary>The page as the world sees it: real HTTP, name server and database.</summary>
public sealed class StatusPageTests(StatusWorld world) : IClassFixture<StatusWorld>, IAsyncLifetime
{
    private StatusHost _host = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _host = await StatusHost.StartAsync(world, "--Mailkey:StatusPage:CheckInterval=00:00:00.001");

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task Page_says_exists_with_the_names_of_the_keys()
    {
        var page = await _host.CheckAsync("exists.test");
        Assert.Contains("It has a mailkey", page, StringComparison.Ordinal);
        Assert.Contains("<code>2026a</code>: Ed25519, active", page, StringComparison.Ordinal);
        Assert.Contains("<code>mailkey.exists.test</code> by DNS", page, StringComparison.Ordinal);
        Assert.Contains("The domain publishes an SPF record.", page, StringComparison.Ordinal);
        Assert.DoesNotContain("How it comes to a mailkey", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_says_absent_with_the_record_to_publish()
    {
        var page = await _host.CheckAsync("absent.test");
        Assert.Contains("It has no mailkey", page, StringComparison.Ordinal);
        var year = TimeProvider.System.GetUtcNow().Year;
        var record = Authentication.Keys.KeyRecords.Template("absent.test", $"{year}a");
        Assert.Contains($"<pre>{WebUtility.HtmlEncode(record)}</pre>", page, StringComparison.Ordinal);
        Assert.Contains($"mailkey records absent.test --key {year}a={year}a.pem", page, StringComparison.Ordinal);
        Assert.Contains("publishes no SPF record", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_says_unknown_with_the_reason_and_without_the_address_of_our_resolver()
    {
        var page = await _host.CheckAsync("broken.test");
        Assert.Contains("It is not known now whether it has a mailkey", page, StringComparison.Ordinal);
        Assert.Contains("TXT of mailkey.broken.test", page, StringComparison.Ordinal);
        Assert.Contains("our resolver", page, StringComparison.Ordinal);
        Assert.DoesNotContain(world.Dns.Resolver, page + await _host.GetAsync("/domain/broken.test.json"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_sends_nothing_to_anybody_and_shows_the_form()
    {
        using var resolver = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await using var host = await StatusHost.StartAsync(world, $"--Mailkey:Dns:Resolvers:0={resolver.Client.LocalEndPoint}");
        foreach (var path in new[] { "/", "/?domain=unseen.test", "/domain/unseen.test", "/domain/unseen.test.json" })
        {
            Assert.NotEmpty(await host.GetAsync(path));
        }

        var page = await host.GetAsync("/domain/unseen.test");
        Assert.Contains("Not looked at", page, StringComparison.Ordinal);
        Assert.Contains("<form method=\"post\" action=\"../domain/unseen.test\">", page, StringComparison.Ordinal);
        Assert.Contains("<label for=\"domain\">", page, StringComparison.Ordinal);
        Assert.Contains("mailkey.unseen.test. 3600 IN TXT", page, StringComparison.Ordinal);
        Assert.Equal(0, resolver.Available);
    }

    [Fact]
    public async Task Look_sees_at_once_what_was_just_published()
    {
        var domain = $"{Guid.NewGuid():N}.test";
        Assert.Contains("It has no mailkey", await _host.CheckAsync(domain), StringComparison.Ordinal);
        await world.Dns.AddAsync(StatusWorld.Record(domain));
        Assert.Contains("It has a mailkey", await _host.CheckAsync(domain), StringComparison.Ordinal);

        // And it is on record, for whoever comes next and whichever process serves the page.
        await using var other = await StatusHost.StartAsync(world);
        Assert.Contains("It has a mailkey", await other.GetAsync($"/?domain={domain}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_tells_of_a_publisher_that_vanished_and_of_a_serial_that_is_refused()
    {
        var (gone, back) = ($"gone{Guid.NewGuid():N}.test", $"back{Guid.NewGuid():N}.test");
        var (now, pins) = (TimeProvider.System.GetUtcNow(), new KeySetPins(world.Database));
        await pins.SaveAsync([new(gone, 7, now.AddDays(-2)), new(back, 7, now.AddHours(-2))], Stop);
        await pins.SaveAsync([new(gone, 7, now.AddDays(-2), now.AddDays(-1)), new(back, 7, now.AddHours(-2), null, 5, now.AddHours(-1))], Stop);

        foreach (var page in new[] { await _host.GetAsync($"/domain/{gone}"), await _host.CheckAsync(gone) })
        {
            Assert.Contains("It is not known now whether it has a mailkey", page, StringComparison.Ordinal);
            Assert.Contains("its mail is put off until", page, StringComparison.Ordinal);
            Assert.Contains("the key set was gone", page, StringComparison.Ordinal);
            Assert.Contains("its serial may not go below 7", page, StringComparison.Ordinal);
        }

        var rolledBack = await _host.GetAsync($"/domain/{back}");
        Assert.Contains("The serial 5 is lower than 7", rolledBack, StringComparison.Ordinal);
        Assert.Contains("the serial 5 was offered after 7, and refused", rolledBack, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_shows_recent_failures()
    {
        var domain = $"{Guid.NewGuid():N}.test";
        var now = TimeProvider.System.GetUtcNow();
        var failures = new DomainFailures(world.Database);
        await failures.AddAsync([new(domain, now, FailureCause.ChangedBody, true, 2, now), new(domain, now, FailureCause.HostUnknown, false, 1, now)], Stop);
        await failures.AddAsync([new(domain, now, FailureCause.ChangedBody, true, 3, now)], Stop);
        var page = await _host.GetAsync($"/domain/{domain}");
        Assert.Contains($"Refused: {FailureCause.ChangedBody}.</td><td class=n>5</td>", page, StringComparison.Ordinal);
        Assert.Contains($"Put off: {FailureCause.HostUnknown}.</td><td class=n>1</td>", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("observe", "exists.test", "This receiver watches only")]
    [InlineData("enforce-published", "exists.test", "that is not signed with it is refused here")]
    [InlineData("enforce-published", "absent.test", "Anybody can send mail in its name.")]
    [InlineData("require-all", "absent.test", "takes its mail only with a mailkey")]
    [InlineData("require-all", "broken.test", "Its mail is put off here (451)")]
    public async Task Page_says_what_follows_here(string stage, string domain, string words)
    {
        await using var host = await StatusHost.StartAsync(world, $"--Mailkey:Policy:Stage={stage}", "--Mailkey:StatusPage:CheckInterval=00:00:00.001");
        Assert.Contains(words, await host.CheckAsync(domain), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_is_bounded_whatever_a_domain_publishes()
    {
        var domain = $"{Guid.NewGuid():N}.test";
        foreach (var n in Enumerable.Range(0, 30))
        {
            await world.Dns.AddAsync($"mailkey.{domain}. 3600 IN TXT \"v=MAILKEY1; k=rsa; s=k{n}; p=AAAA; n={new string('x', 180)}\"");
        }

        var page = await _host.CheckAsync(domain);
        Assert.Contains("no usable active key", page, StringComparison.Ordinal);
        Assert.InRange(page.Length, 1, 32 * 1024);
    }

    [Fact]
    public async Task Page_is_text_where_strangers_write()
    {
        foreach (var text in new[] { await _host.CheckAsync("hostile.test"), await _host.GetAsync("/domain/hostile.test.json") })
        {
            Assert.Contains("alert(1)", text, StringComparison.Ordinal);
            Assert.DoesNotContain("<script", text, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Page_keeps_what_looks_like_an_escape_as_it_is()
    {
        // In a zone file \\ is one backslash.
        await world.Dns.AddAsync(StatusWorld.Record("escape.test", @"; n=a\\u0000b"));
        Assert.Contains(@"a\u0000b", await _host.CheckAsync("escape.test"), StringComparison.Ordinal);
        Assert.Contains(@"a\\u0000b", await _host.GetAsync("/domain/escape.test.json"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/domain/%3Cscript%3Ealert(1)%3C%2Fscript%3E.test")]
    [InlineData("/?domain=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")]
    [InlineData("/domain/%22onmouseover=alert(1).test")]
    [InlineData("/domain/localhost")]
    [InlineData("/domain/")]
    [InlineData("/?domain=")]
    [InlineData("/domain/192.0.2.1%0d%0aSet-Cookie:a=b.test")]
    [InlineData("/domain/-a.test")]
    public async Task Page_refuses_what_is_no_domain_and_says_nothing_of_it(string path)
    {
        using var response = await _host.SendAsync(HttpMethod.Get, path);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var page = await response.Content.ReadAsStringAsync(Stop);
        Assert.Contains("That is not a domain", page, StringComparison.Ordinal);
        Assert.DoesNotContain("alert", page, StringComparison.OrdinalIgnoreCase);
        Assert.False(response.Headers.Contains("Set-Cookie"));
    }

    [Theory]
    [InlineData("/domain/b%C3%BCcher.test")]
    [InlineData("/domain/B%C3%9CCHER.TEST.")]
    [InlineData("/?domain=+xn--bcher-kva.test+")]
    public async Task Page_shows_a_name_as_people_write_it_and_as_it_stands_in_the_DNS(string path)
    {
        var page = await _host.GetAsync(path);
        Assert.Contains("<bdi>b&#xFC;cher.test</bdi>", page, StringComparison.Ordinal);
        Assert.Contains("<code>xn--bcher-kva.test</code>", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_is_locked_down()
    {
        foreach (var (method, path) in new[] { (HttpMethod.Get, "/"), (HttpMethod.Get, "/domain/exists.test"), (HttpMethod.Post, "/domain/exists.test"), (HttpMethod.Get, "/nowhere"), (HttpMethod.Put, "/") })
        {
            using var response = await _host.SendAsync(method, path);
            var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
            Assert.StartsWith("default-src 'none'; style-src 'sha256-", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Equal("no-store", response.Headers.CacheControl!.ToString());
            Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
            Assert.Equal("no-referrer", Assert.Single(response.Headers.GetValues("Referrer-Policy")));
            Assert.False(response.Headers.Contains("Server"));
        }
    }

    [Fact]
    public async Task Style_of_the_page_is_the_one_that_its_policy_names()
    {
        using var response = await _host.SendAsync(HttpMethod.Get, "/");
        var page = await response.Content.ReadAsStringAsync(Stop);
        var sheet = page[(page.IndexOf("<style>", StringComparison.Ordinal) + 7)..page.IndexOf("</style>", StringComparison.Ordinal)];
        var hash = Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(sheet)));
        Assert.Contains($"'sha256-{hash}'", Assert.Single(response.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.StartsWith("<!DOCTYPE html>\n<html lang=\"en\">", page, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/nowhere", 404, null)]
    [InlineData("GET", "/domain/a.test/b", 404, null)]
    [InlineData("GET", "/health/ready", 404, null)]
    [InlineData("GET", "/health/live", 404, null)]
    [InlineData("PUT", "/domain/a.test", 405, "GET, HEAD, POST")]
    [InlineData("POST", "/", 405, "GET, HEAD")]
    [InlineData("DELETE", "/", 405, "GET, HEAD")]
    [InlineData("POST", "/nowhere", 404, null)]
    [InlineData("POST", "/domain/no_dot", 400, null)]
    public async Task Page_answers_properly(string method, string path, int status, string? allow)
    {
        using var response = await _host.SendAsync(new HttpMethod(method), path);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(allow, allow is null ? null : string.Join(", ", response.Content.Headers.Allow));
        using var json = await _host.SendAsync(new HttpMethod(method), path, ("Accept", "application/json"));
        Assert.Equal(status, (int)json.StatusCode);
        Assert.Equal("application/json", json.Content.Headers.ContentType!.MediaType);
        using var document = JsonDocument.Parse(await json.Content.ReadAsStringAsync(Stop));
        Assert.NotEmpty(document.RootElement.GetProperty("error").GetString()!);
    }

    [Fact]
    public async Task Head_is_a_get_without_the_page()
    {
        using var head = await _host.SendAsync(HttpMethod.Head, "/");
        using var get = await _host.SendAsync(HttpMethod.Get, "/");
        Assert.Equal((HttpStatusCode.OK, get.Content.Headers.ContentLength), (head.StatusCode, head.Content.Headers.ContentLength));
        Assert.Empty(await head.Content.ReadAsByteArrayAsync(Stop));
    }

    [Fact]
    public async Task Health_and_page_have_a_port_each_and_nothing_in_common()
    {
        using var ready = await _host.Health.GetAsync(new Uri("/health/ready", UriKind.Relative), Stop);
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        using var page = await _host.Health.GetAsync(new Uri("/domain/exists.test", UriKind.Relative), Stop);
        Assert.Equal(HttpStatusCode.NotFound, page.StatusCode);
    }

    [Fact]
    public async Task Programs_get_json()
    {
        using var posted = await _host.PostAsync("/domain/exists.test", ("Accept", "application/json"));
        Assert.Equal(HttpStatusCode.OK, posted.StatusCode);
        using var asked = await _host.SendAsync(HttpMethod.Get, "/domain/exists.test", ("Accept", "application/json"));
        foreach (var text in new[] { await posted.Content.ReadAsStringAsync(Stop), await asked.Content.ReadAsStringAsync(Stop), await _host.GetAsync("/domain/exists.test.json") })
        {
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            Assert.Equal(("exists.test", "exists", "txt"), (root.GetProperty("domain").GetString(), root.GetProperty("state").GetString(), root.GetProperty("source").GetString()));
            var key = Assert.Single(root.GetProperty("keys").EnumerateArray());
            Assert.Equal(("2026a", "ed25519", "active"), (key.GetProperty("name").GetString(), key.GetProperty("type").GetString(), key.GetProperty("status").GetString()));
            Assert.True(root.GetProperty("hasSpf").GetBoolean());
            Assert.Empty(root.GetProperty("failures").EnumerateArray());
        }

        using var browser = await _host.SendAsync(HttpMethod.Get, "/domain/exists.test", ("Accept", "text/html,application/json;q=0.9,*/*;q=0.8"));
        Assert.Equal("text/html", browser.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task Other_sites_can_not_press_the_button()
    {
        using var foreign = await _host.PostAsync("/domain/exists.test", ("Sec-Fetch-Site", "cross-site"));
        Assert.Equal(HttpStatusCode.Forbidden, foreign.StatusCode);
        using var own = await _host.PostAsync("/domain/exists.test", ("Sec-Fetch-Site", "same-origin"));
        Assert.Equal(HttpStatusCode.SeeOther, own.StatusCode);
    }

    [Fact]
    public async Task Page_says_that_it_can_not_tell_while_the_database_is_away()
    {
        await using var database = new Testkit.Infrastructure.PostgresServer();
        await database.InitializeAsync();
        await using var host = await StatusHost.StartAsync(world, $"--Mailkey:Postgres:ConnectionString={database.ConnectionString}");
        Assert.Contains("Not looked at", await host.GetAsync("/domain/a.test"), StringComparison.Ordinal);
        await database.DisposeAsync(); // dropped, and its connections closed
        using var response = await host.SendAsync(HttpMethod.Get, "/domain/a.test");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.True(response.Headers.RetryAfter!.Delta > TimeSpan.Zero);
    }
}
