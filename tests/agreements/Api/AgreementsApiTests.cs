using System.Net;
using System.Text.Json.Nodes;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Reconciliation;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Agreements.Tests.Api;

/// <summary>The API over real HTTP, name server and database: what each side can do with it.</summary>
public sealed class AgreementsApiTests(ApiWorld world) : IClassFixture<ApiWorld>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agreement_is_negotiated_renegotiated_and_ended()
    {
        await using var host = await ApiHost.StartAsync(world);
        var alice = $"alice{Guid.NewGuid():N}@b.example";
        var forwarder = await world.ForwarderAsync();
        var organization = $"/v1/organizations/{forwarder.Domain}";

        // First contact: the signature proves the key, a record is to prove the domain.
        var contact = await host.SendAsync(forwarder, HttpMethod.Put, organization, ApiHost.Contact(forwarder));
        Assert.Equal((201, "awaiting-proof", organization), (contact.Status, contact["status"], contact.Headers.Location?.ToString()));
        Assert.Equal(["dns"], contact.Json!["missingProofs"]!.AsArray().Select(proof => (string)proof!));
        Assert.Equal($"_mailkey-agreements.{forwarder.Domain}", (string?)contact.Json["challenge"]!["name"]);
        Assert.StartsWith("mailkey-agreements=", (string?)contact.Json["challenge"]!["text"], StringComparison.Ordinal);
        Assert.Equal(200, (await host.SendAsync(forwarder, HttpMethod.Put, organization, ApiHost.Contact(forwarder))).Status);
        var early = await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice), "early");
        Assert.Equal((403, "proof-first"), (early.Status, early.Code));

        forwarder = await host.VerifiedAsync(world);
        var standing = (await host.SendAsync(forwarder, HttpMethod.Get, $"/v1/organizations/{forwarder.Domain}")).Json!["standing"]!;
        Assert.Equal(("verified", "probation", 50), ((string?)standing["status"], (string?)standing["trust"], (int)standing["proposalsLeftToday"]!));
        Assert.NotEmpty(standing["missing"]!.AsArray());

        // Proposal, consent, in force.
        var proposed = await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice), "proposal");
        Assert.Equal((202, "proposed", "[\r\n  \"proof\"\r\n]".Replace("\r", "", StringComparison.Ordinal)), (proposed.Status, proposed["state"], proposed["waitsFor"]));
        var location = proposed.Headers.Location!.ToString();
        Assert.Equal($"/v1/agreements/{proposed["id"]}", location);
        await host.AcceptProofAsync(proposed["id"]);
        var consented = await host.SendAsync(alice, HttpMethod.Post, $"{location}/decisions", new { decision = "consent", text = "Do you want it?" });
        Assert.Equal((200, "active-probation", alice), (consented.Status, consented["state"], consented["account"]));
        var shown = await host.SendAsync(forwarder, HttpMethod.Get, location);
        Assert.Equal(("active-probation", "probation", ""), (shown["state"], shown["trust"], shown["account"]));
        Assert.Equal("check", (string?)shown.Json!["termsInForce"]!["dnsbl"]);
        Assert.Equal("skip", (string?)shown.Json["terms"]!["dnsbl"]);

        // Less binds at once; more waits for the user.
        var less = await host.SendAsync(forwarder, HttpMethod.Post, $"{location}/proposals", new { terms = ApiHost.Terms(rate: 10) });
        Assert.Equal(("active-probation", "2"), (less["state"], less["termsVersion"]));
        var more = await host.SendAsync(forwarder, HttpMethod.Post, $"{location}/proposals", new { terms = ApiHost.Terms(rate: 500) });
        Assert.Equal(("renegotiating", "2", 3), (more["state"], more["termsVersion"], more.Json!["versions"]!.AsArray().Count));
        Assert.Equal((403, "not-yours"), Pair(await host.SendAsync(forwarder, HttpMethod.Post, $"{location}/proposals/3/answer", new { answer = "accept" })));
        Assert.Equal((422, "consent-needed"), Pair(await host.SendAsync(alice, HttpMethod.Post, $"{location}/proposals/3/answer", new { answer = "accept" })));
        var accepted = await host.SendAsync(alice, HttpMethod.Post, $"{location}/proposals/3/answer", new { answer = "accept", text = "500 a day?" });
        Assert.Equal(("active-probation", "3"), (accepted["state"], accepted["termsVersion"]));

        // Login, address, pause, complaint.
        var login = await host.SendAsync(forwarder, HttpMethod.Post, $"{location}/credentials", new { method = "auth" });
        Assert.Equal((201, ""), (login.Status, login["previousEnds"]));
        Assert.True(login["secret"].Length >= 20, login.Text);
        var rotated = await host.SendAsync(forwarder, HttpMethod.Post, $"{location}/credentials", new { method = "auth" });
        Assert.NotEqual("", rotated["previousEnds"]);
        shown = await host.SendAsync(forwarder, HttpMethod.Get, location);
        Assert.Equal([login["id"], rotated["id"]], shown.Json!["credentials"]!.AsArray().Select(credential => (string)credential!["id"]!));
        Assert.DoesNotContain(login["secret"], shown.Text + (await host.SendAsync(alice, HttpMethod.Get, $"{location}/history")).Text, StringComparison.Ordinal);
        Assert.Equal((409, "credentials-not-offered"), Pair(await host.SendAsync(forwarder, HttpMethod.Post, $"{location}/credentials", new { method = "reference" })));
        var issued = await host.SendAsync(forwarder, HttpMethod.Post, $"{location}/credentials", new { method = "address" });
        Assert.Equal(201, issued.Status);
        Assert.True(UniqueAddress.TryParse(issued["address"], out _));
        Assert.Equal((409, "address-exists"), Pair(await host.SendAsync(forwarder, HttpMethod.Post, $"{location}/credentials", new { method = "address" })));
        Assert.Equal((403, "not-allowed"), Pair(await host.SendAsync(alice, HttpMethod.Post, $"{location}/credentials", new { method = "address" })));
        Assert.Equal("suspended", (await host.SendAsync(alice, HttpMethod.Post, $"{location}/decisions", new { decision = "pause" }))["state"]);
        Assert.Equal((403, "not-yours"), Pair(await host.SendAsync(forwarder, HttpMethod.Post, $"{location}/decisions", new { decision = "resume" })));
        Assert.Equal("active-probation", (await host.SendAsync(alice, HttpMethod.Post, $"{location}/decisions", new { decision = "resume" }))["state"]);
        Assert.Equal("active-probation", (await host.SendAsync(alice, HttpMethod.Post, $"{location}/complaints", new { scope = "message", @class = "content", reference = "q1" }))["state"]);

        // Either side ends it, twice is once, and what it was stays readable.
        Assert.Equal("revoked", (await host.SendAsync(forwarder, HttpMethod.Delete, $"{location}?reason=list%20closed"))["state"]);
        Assert.Equal((200, "revoked"), (await host.SendAsync(forwarder, HttpMethod.Delete, location)) is var again ? (again.Status, again["state"]) : default);
        var ours = (await host.SendAsync(alice, HttpMethod.Get, $"{location}/history")).Json!["items"]!.AsArray();
        var theirs = (await host.SendAsync(forwarder, HttpMethod.Get, $"{location}/history")).Json!["items"]!.AsArray();
        Assert.Equal(ours.Select(item => (string?)item!["event"]), theirs.Select(item => (string?)item!["event"]));
        Assert.Equal("agreement-revoked", (string?)ours[^1]!["event"]);
        Assert.Contains(ours, item => item!["data"]?.ToJsonString().Contains("Do you want it?", StringComparison.Ordinal) == true);
        Assert.All(theirs, item => Assert.Null(item!["data"]));
        Assert.DoesNotContain(alice, theirs.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Six_agreements_have_the_digest_of_six_recipes_until_one_is_ended()
    {
        await using var host = await ApiHost.StartAsync(world);
        var forwarder = await host.VerifiedAsync(world);
        List<Recipe> recipes = [];
        foreach (var user in (string[])[$"alice{Guid.NewGuid():N}@b.example", $"bob{Guid.NewGuid():N}@b.example"])
        {
            foreach (var subscription in (string[])["list", "weekly", "offers"])
            {
                var id = await host.ActiveAsync(forwarder, user, subscription);
                Assert.True(SubscriptionKey.TryCreate(forwarder.Domain, user, subscription, out var key, out _) & AgreementId.TryParse(id, out var agreement));
                recipes.Add(new(key!, agreement));
                await host.RegisteredAsync(id, 3);
            }
        }

        var digest = await host.SendAsync(forwarder, HttpMethod.Get, "/v1/agreements?digest=1");
        Assert.Equal(("6", RecipeDigest.Of(recipes).Whole), (digest["count"], digest["whole"]));

        var ended = await host.SendAsync(forwarder, HttpMethod.Delete, $"/v1/agreements/{recipes[4].AgreementId}");
        await host.RegisteredAsync(ended["id"], (long)ended.Json!["version"]!);
        digest = await host.SendAsync(forwarder, HttpMethod.Get, "/v1/agreements?digest=1");
        Assert.Equal("5", digest["count"]);
        var buckets = digest.Json!["buckets"]!.AsArray().Select(bucket => (string?)bucket).ToArray();
        Assert.Equal([RecipeDigest.BucketOf(recipes[4].Key)], Enumerable.Range(0, 16).Where(i => buckets[i] != RecipeDigest.Of(recipes).Buckets[i]));

        // Pages of two, in the order in which they were proposed.
        List<string> paged = [];
        string? after = null;
        do
        {
            var page = await host.SendAsync(forwarder, HttpMethod.Get, $"/v1/agreements?limit=4{(after is null ? "" : $"&after={after}")}");
            paged.AddRange(page.Json!["items"]!.AsArray().Select(item => (string)item!["id"]!));
            after = (string?)page.Json["next"];
        }
        while (after is not null);
        Assert.Equal(recipes.Select(recipe => recipe.AgreementId.ToString()), paged);
        var mine = await host.SendAsync(recipes[0].Key.Recipient, HttpMethod.Get, "/v1/agreements?order=category");
        Assert.Equal(3, mine.Json!["items"]!.AsArray().Count);
        var live = await host.SendAsync(forwarder, HttpMethod.Get, "/v1/agreements?status=active-probation,suspended&order=-changed");
        Assert.Equal(5, live.Json!["items"]!.AsArray().Count);
        foreach (var query in (string[])["status=alive", "order=upwards", "after=x", "digest=2", "order=category"])
        {
            Assert.Equal((400, "query-invalid"), Pair(await host.SendAsync(forwarder, HttpMethod.Get, $"/v1/agreements?{query}")));
        }
    }

    [Fact]
    public async Task Users_see_their_own_operators_all_and_strangers_nothing()
    {
        await using var host = await ApiHost.StartAsync(world);
        var forwarder = await host.VerifiedAsync(world);
        var (alice, bob) = ($"alice{Guid.NewGuid():N}@b.example", $"bob{Guid.NewGuid():N}@b.example");
        var id = await host.ActiveAsync(forwarder, alice);
        await host.RegisteredAsync(id, 3);
        Assert.Equal(200, (await host.SendAsync(alice, HttpMethod.Get, $"/v1/agreements/{id}")).Status);
        Assert.Equal((404, "unknown-agreement"), Pair(await host.SendAsync(bob, HttpMethod.Get, $"/v1/agreements/{id}")));
        Assert.Equal((404, "unknown-agreement"), Pair(await host.SendAsync(bob, HttpMethod.Delete, $"/v1/agreements/{id}")));
        Assert.Empty((await host.SendAsync(bob, HttpMethod.Get, $"/v1/agreements?account={alice}")).Json!["items"]!.AsArray());
        Assert.Single((await host.SendAsync(TestAccounts.Operator, HttpMethod.Get, $"/v1/agreements?account={alice}")).Json!["items"]!.AsArray());
        Assert.Equal((403, "not-allowed"), Pair(await host.SendAsync(alice, HttpMethod.Get, "/v1/organizations")));
        Assert.Equal((403, "not-allowed"), Pair(await host.SendAsync(alice, HttpMethod.Post, $"/v1/organizations/{forwarder.Domain}/decisions", new { decision = "ban", reason = "x" })));
        Assert.Equal((403, "not-allowed"), Pair(await host.SendAsync(forwarder, HttpMethod.Post, $"/v1/organizations/{forwarder.Domain}/decisions", new { decision = "approve" })));
        Assert.Equal((403, "not-yours"), Pair(await host.SendAsync(alice, HttpMethod.Post, $"/v1/agreements/{id}/decisions", new { decision = "lift", hold = "complaints" })));

        // An operator suspends and bans; the organisation can then propose nothing.
        Assert.Equal("suspended", (await host.SendAsync(TestAccounts.Operator, HttpMethod.Post, $"/v1/agreements/{id}/decisions", new { decision = "suspend", reason = "looked at" }))["state"]);
        Assert.Equal((422, "reason-invalid"), Pair(await host.SendAsync(TestAccounts.Operator, HttpMethod.Post, $"/v1/organizations/{forwarder.Domain}/decisions", new { decision = "ban" })));
        Assert.Equal("banned", (await host.SendAsync(TestAccounts.Operator, HttpMethod.Post, $"/v1/organizations/{forwarder.Domain}/decisions", new { decision = "ban", reason = "no opt-in" }))["status"]);
        Assert.Equal((403, "banned"), Pair(await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(bob), "after")));
        Assert.Equal((403, "banned"), Pair(await host.SendAsync(forwarder, HttpMethod.Put, $"/v1/organizations/{forwarder.Domain}", ApiHost.Contact(forwarder))));

        Assert.Equal((401, "credentials-rejected"), Pair(await host.SendAsync(alice, HttpMethod.Get, "/v1/agreements", password: "wrong")));
        Assert.Equal((503, "accounts-unavailable"), Pair(await host.SendAsync("away@b.example", HttpMethod.Get, "/v1/agreements")));
        var locked = await host.SendAsync("locked@b.example", HttpMethod.Get, "/v1/agreements");
        Assert.Equal((429, TimeSpan.FromMinutes(2)), (locked.Status, locked.Headers.RetryAfter?.Delta));
        var nobody = await host.SendAsync(ApiHost.RequestOf(HttpMethod.Get, "/v1/agreements"));
        Assert.Equal((401, "authentication-required", "Basic"), (nobody.Status, nobody.Code, nobody.Headers.WwwAuthenticate.Single().Scheme));
    }

    [Fact]
    public async Task The_public_port_has_no_health_checks_and_the_other_no_api()
    {
        await using var host = await ApiHost.StartAsync(world);
        Assert.Equal(HttpStatusCode.OK, (await host.Health.GetAsync(new Uri("/health/live", UriKind.Relative), Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await host.Health.GetAsync(new Uri("/v1/agreements", UriKind.Relative), Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetAsync(new Uri("/health/live", UriKind.Relative), Stop)).StatusCode);
        Assert.Equal((404, "not-found"), Pair(await host.SendAsync(ApiHost.RequestOf(HttpMethod.Get, "/v1/nothing"))));
    }

    [Fact]
    public async Task Document_is_the_one_that_is_kept()
    {
        await using var host = await ApiHost.StartAsync(world);
        var served = JsonNode.Parse(await host.Client.GetStringAsync(new Uri("/v1/openapi.json", UriKind.Relative), Stop))!;
        var path = Repository.PathOf("docs/agreements/openapi.json");
        var text = served.ToJsonString(new() { WriteIndented = true }) + "\n";
        if (Environment.GetEnvironmentVariable("MAILKEY_WRITE_DOCS") == "1")
        {
            await File.WriteAllTextAsync(path, text, Stop);
        }

        Assert.Equal(await File.ReadAllTextAsync(path, Stop), text);
        var operations = served["paths"]!.AsObject().SelectMany(item => item.Value!.AsObject().Select(operation => (string?)operation.Value!["operationId"])).ToArray();
        Assert.Equal(14, operations.Length);

        // Each is named where people read.
        var prose = await File.ReadAllTextAsync(Repository.PathOf("docs/agreements/api.md"), Stop);
        Assert.All(served["paths"]!.AsObject(), item => Assert.Contains(item.Key, prose, StringComparison.Ordinal));
    }

    private static (int, string?) Pair(ApiReply reply) => (reply.Status, reply.Code);
}
