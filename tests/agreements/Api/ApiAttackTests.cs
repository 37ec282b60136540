using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.RateLimiting;
using Mailkey.Agreements.Api;
using Mailkey.Authentication.Crypto;
using Mailkey.HttpSignatures;

namespace Mailkey.Agreements.Tests.Api;

/// <summary>What somebody tries who should not: forged, replayed and foreign requests, floods, and agreements of others.</summary>
public sealed class ApiAttackTests(ApiWorld world) : IClassFixture<ApiWorld>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_signature_counts_once_on_every_replica()
    {
        await using var one = await ApiHost.StartAsync(world);
        await using var other = await ApiHost.StartAsync(world, $"--Mailkey:Agreements:PublicUrl={one.Address.ToString().TrimEnd('/')}");
        var forwarder = await world.ForwarderAsync();
        using var signed = ApiHost.RequestOf(HttpMethod.Get, $"/v1/organizations/{forwarder.Domain}");
        signed.RequestUri = new(one.Address, signed.RequestUri!);
        await RequestSigner.SignAsync(signed, forwarder.Key, forwarder.KeyId, ApiAuthentication.Tag, TimeProvider.System.GetUtcNow(), Stop);
        Assert.Equal((404, "unknown-organization"), Pair(await one.SendAsync(Copy(one))));
        Assert.Equal((401, "signature-replayed"), Pair(await one.SendAsync(Copy(one))));
        Assert.Equal((401, "signature-replayed"), Pair(await other.SendAsync(Copy(other))));

        // At once, it is still once.
        await RequestSigner.SignAsync(signed, forwarder.Key, forwarder.KeyId, ApiAuthentication.Tag, TimeProvider.System.GetUtcNow(), Stop);
        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => n % 2 == 0 ? one.SendAsync(Copy(one)) : other.SendAsync(Copy(other))));
        Assert.Single(replies, reply => reply.Code == "unknown-organization");

        HttpRequestMessage Copy(ApiHost host)
        {
            var copy = new HttpRequestMessage(HttpMethod.Get, new Uri(host.Address, signed.RequestUri!.AbsolutePath));
            foreach (var (name, values) in signed.Headers)
            {
                copy.Headers.TryAddWithoutValidation(name, values);
            }

            return copy;
        }
    }

    [Fact]
    public async Task A_request_that_was_changed_moved_or_kept_too_long_is_refused()
    {
        await using var host = await ApiHost.StartAsync(world);
        var (mallory, victim) = (await world.ForwarderAsync(), await world.ForwarderAsync());
        var path = $"/v1/organizations/{mallory.Domain}";
        var now = TimeProvider.System.GetUtcNow();

        Task<ApiReply> PutAsync(Action<HttpRequestMessage>? tamper = null, DateTimeOffset? at = null, string? keyId = null, string? to = null) =>
            host.SendAsync(mallory, HttpMethod.Put, to ?? path, ApiHost.Contact(mallory), at: at, keyId: keyId, tamper: tamper);

        Assert.Equal((401, "signature-invalid"), Pair(await PutAsync(request => request.RequestUri = new(host.Address, $"/v1/organizations/{victim.Domain}"))));
        Assert.Equal((401, "signature-invalid"), Pair(await PutAsync(request => request.RequestUri = new(host.Address, $"{path}?more=1"))));
        Assert.Equal((401, "signature-invalid"), Pair(await PutAsync(request => request.Headers.Host = "agreements.c.example")));
        Assert.Equal((401, "digest-mismatch"), Pair(await PutAsync(request => request.Content = With(request.Content!, """{"contact":"x@y.example","callback":"https://y.example/"}"""))));
        Assert.Equal((401, "digest-mismatch"), Pair(await PutAsync(request => request.Content!.Headers.Remove("Content-Digest"))));
        Assert.Equal((401, "signature-missing"), Pair(await PutAsync(request => request.Headers.Remove("Signature"))));
        Assert.Equal((401, "signature-malformed"), Pair(await PutAsync(request => Replace(request, "Signature", "mailkey=AAAA"))));
        Assert.Equal((401, "signature-out-of-time"), Pair(await PutAsync(at: now.AddMinutes(-6))));
        Assert.Equal((401, "signature-out-of-time"), Pair(await PutAsync(at: now.AddMinutes(3))));
        Assert.Equal((401, "key-id-invalid"), Pair(await PutAsync(keyId: "2026a")));
        Assert.Equal((401, "key-id-invalid"), Pair(await PutAsync(keyId: "localhost/2026a")));
        Assert.Equal((401, "key-unknown"), Pair(await PutAsync(keyId: $"{mallory.Domain}/other")));

        // Its own key in the name of another; and its own name on the page of another.
        Assert.Equal((401, "signature-invalid"), Pair(await PutAsync(keyId: victim.KeyId, to: $"/v1/organizations/{victim.Domain}")));
        Assert.Equal((403, "wrong-domain"), Pair(await PutAsync(to: $"/v1/organizations/{victim.Domain}")));
        Assert.Equal(404, (await host.SendAsync(victim, HttpMethod.Get, $"/v1/organizations/{victim.Domain}")).Status);

        // No keys is one thing, not to know is another: who signs rightly must not be called a forger because a name server is down.
        Assert.Equal((401, "key-set-absent"), Pair(await PutAsync(keyId: "absent.test/2026a")));
        var unknown = await PutAsync(keyId: "broken.test/2026a");
        Assert.Equal((503, "key-set-unavailable"), Pair(unknown));
        Assert.NotNull(unknown.Headers.RetryAfter);

        // None of all that was remembered against anybody.
        Assert.Equal(201, (await PutAsync()).Status);
    }

    [Theory]
    [InlineData("@method")]
    [InlineData("@target-uri")]
    [InlineData("content-digest")]
    [InlineData("nonce")]
    [InlineData("created")]
    [InlineData("keyid")]
    public async Task A_signature_that_lacks_something_is_refused(string missing)
    {
        await using var host = await ApiHost.StartAsync(world);
        var forwarder = await world.ForwarderAsync();
        using var request = ApiHost.RequestOf(HttpMethod.Put, $"/v1/organizations/{forwarder.Domain}", ApiHost.Contact(forwarder));
        var digest = ContentDigest.Of(await request.Content!.ReadAsByteArrayAsync(Stop));
        request.Content.Headers.TryAddWithoutValidation("Content-Digest", digest);
        var whole = SignatureInput.Of(["@method", "@target-uri", "content-digest"], TimeProvider.System.GetUtcNow(), forwarder.KeyId, "0123456789abcdef", ApiAuthentication.Tag);
        var input = new SignatureInput
        {
            Components = [.. whole.Components.Where(component => component.Name != missing)],
            Parameters = [.. whole.Parameters.Where(parameter => parameter.Key != missing)],
        };
        var signature = RequestSigner.Sign(
            SignedRequest.To("PUT", new(host.Address, request.RequestUri!), name => name == "content-digest" ? [digest] : null), input, forwarder.Key);
        request.Headers.TryAddWithoutValidation("Signature-Input", signature.InputField);
        request.Headers.TryAddWithoutValidation("Signature", signature.SignatureField);
        Assert.Equal((401, "signature-incomplete"), Pair(await host.SendAsync(request)));
    }

    [Fact]
    public async Task A_key_that_was_revoked_or_is_a_test_key_proves_nothing_and_a_new_one_is_found_at_once()
    {
        await using var host = await ApiHost.StartAsync(world);
        var forwarder = await world.ForwarderAsync();
        using var next = SigningKey.GenerateEd25519();
        var path = $"/v1/organizations/{forwarder.Domain}";
        Assert.Equal(404, (await host.SendAsync(forwarder, HttpMethod.Get, path)).Status);
        await world.Dns.RemoveAsync($"mailkey.{forwarder.Domain}.");
        await world.Dns.AddAsync($"mailkey.{forwarder.Domain}. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=2026b; p={Convert.ToBase64String(next.ExportPublicKey())}\"");
        await world.Dns.AddAsync($"mailkey.{forwarder.Domain}. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p=\"");
        await world.Dns.AddAsync($"mailkey.{forwarder.Domain}. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=test; t=y; p={Convert.ToBase64String(next.ExportPublicKey())}\"");
        Assert.Equal(404, (await host.SendAsync(forwarder with { Key = next }, HttpMethod.Get, path, keyId: $"{forwarder.Domain}/2026b")).Status);
        Assert.Equal((401, "key-unknown"), Pair(await host.SendAsync(forwarder, HttpMethod.Get, path)));
        Assert.Equal((401, "key-unknown"), Pair(await host.SendAsync(forwarder with { Key = next }, HttpMethod.Get, path, keyId: $"{forwarder.Domain}/test")));
    }

    [Fact]
    public async Task An_agreement_of_others_answers_exactly_as_one_that_is_not_there()
    {
        await using var host = await ApiHost.StartAsync(world);
        var (owner, stranger) = (await host.VerifiedAsync(world), await host.VerifiedAsync(world));
        var foreign = await host.ActiveAsync(owner, $"alice{Guid.NewGuid():N}@b.example");
        foreach (var unknown in (string[])[Mailkey.Agreements.Keys.AgreementId.Mint().ToString(), "x"])
        {
            foreach (var (method, rest, body) in new (HttpMethod, string, object?)[]
            {
                (HttpMethod.Get, "", null),
                (HttpMethod.Get, "/history", null),
                (HttpMethod.Delete, "", null),
                (HttpMethod.Post, "/proposals", new { terms = ApiHost.Terms() }),
                (HttpMethod.Post, "/proposals/1/answer", new { answer = "accept" }),
                (HttpMethod.Post, "/credentials", new { method = "address" }),
                (HttpMethod.Post, "/credentials", new { method = "auth" }),
                (HttpMethod.Post, "/decisions", new { decision = "approve" }),
                (HttpMethod.Post, "/complaints", new { scope = "message", @class = "content", reference = "q" }),
            })
            {
                var one = await host.SendAsync(stranger, method, $"/v1/agreements/{foreign}{rest}", body);
                var other = await host.SendAsync(stranger, method, $"/v1/agreements/{unknown}{rest}", body);
                Assert.Equal((404, other.Text), (one.Status, one.Text));
                Assert.Equal(404, other.Status);
            }
        }

        Assert.Empty((await host.SendAsync(stranger, HttpMethod.Get, $"/v1/agreements?forwarder={owner.Domain}")).Json!["items"]!.AsArray());
        Assert.Equal("active-probation", (await host.SendAsync(owner, HttpMethod.Get, $"/v1/agreements/{foreign}"))["state"]);

        // Nor may it propose, or make contact, in the name of the other.
        var proposal = JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(ApiHost.Proposal("bob@b.example")))!;
        proposal["forwarder"] = owner.Domain;
        Assert.Equal((403, "not-yours"), Pair(await host.SendAsync(stranger, HttpMethod.Post, "/v1/agreements", proposal.ToJsonString(), "foreign")));
    }

    [Fact]
    public async Task The_same_request_is_done_once_and_another_with_its_key_is_refused()
    {
        await using var host = await ApiHost.StartAsync(world);
        var (forwarder, other) = (await host.VerifiedAsync(world), await host.VerifiedAsync(world));
        var alice = $"alice{Guid.NewGuid():N}@b.example";
        var first = await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice), "key-1");
        var again = await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice), "key-1");
        Assert.Equal((202, first.Text, first.Headers.Location), (again.Status, again.Text, again.Headers.Location));
        Assert.Equal(["true"], again.Headers.GetValues("Idempotency-Replayed"));
        Assert.Equal((422, "idempotency-key-reused"), Pair(await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice, "other"), "key-1")));
        Assert.Equal((400, "idempotency-key-missing"), Pair(await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice))));
        Assert.Equal((400, "idempotency-key-missing"), Pair(await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice), new string('k', 256))));

        // Keys of one are not those of another.
        var theirs = await host.SendAsync(other, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice), "key-1");
        Assert.Equal(202, theirs.Status);
        Assert.NotEqual(first["id"], theirs["id"]);

        // What was refused may be asked again under its key.
        var refused = await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal("nobody@elsewhere.example"), "key-2");
        Assert.Equal((422, "unknown-recipient"), Pair(refused));
        Assert.Equal(202, (await host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice, "two"), "key-2")).Status);

        // Many at once: one does it, the others hear of it or are told to wait.
        var replies = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal(alice, "three"), "key-3")));
        Assert.All(replies, reply => Assert.Contains(reply.Status, (int[])[202, 409]));
        Assert.Single(replies.Where(reply => reply.Status == 202).Select(reply => reply["id"]).Distinct());
        Assert.All(replies.Where(reply => reply.Status == 409), reply => Assert.Equal("request-in-progress", reply.Code));
    }

    [Fact]
    public async Task A_flood_of_proposals_meets_the_caps_of_the_day_by_organization_and_by_network()
    {
        await using var host = await ApiHost.StartAsync(
            world, "--Mailkey:Agreements:Policy:ProposalsInProbation=4", "--Mailkey:Agreements:Policy:ProposalsPerNetwork=6", "--Mailkey:Agreements:TrustedProxies:0=127.0.0.1");
        TestForwarder[] organizations = [await host.VerifiedAsync(world), await host.VerifiedAsync(world), await host.VerifiedAsync(world)];
        var replies = await Task.WhenAll(organizations.SelectMany(forwarder => Enumerable.Range(0, 6).Select(n => host.SendAsync(
            forwarder, HttpMethod.Post, "/v1/agreements", ApiHost.Proposal($"u{Guid.NewGuid():N}@b.example"), $"flood-{n}",
            tamper: request => request.Headers.Add("X-Forwarded-For", $"198.51.100.{n}")))));
        Assert.Equal(6, replies.Count(reply => reply.Status == 202));
        Assert.All(replies.Where(reply => reply.Status != 202), reply =>
        {
            Assert.Equal(429, reply.Status);
            Assert.Contains(reply.Code, (string[])["too-many-proposals", "too-many-from-network"]);
            Assert.InRange(reply.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        });
    }

    [Fact]
    public async Task New_organizations_from_one_network_are_few_a_day_however_many_domains_there_are()
    {
        await using var host = await ApiHost.StartAsync(world, "--Mailkey:Agreements:Policy:ContactsPerNetwork=2", "--Mailkey:Agreements:TrustedProxies:0=127.0.0.1");
        List<TestForwarder> sybils = [];
        for (var i = 0; i < 5; i++)
        {
            sybils.Add(await world.ForwarderAsync());
        }

        var replies = await Task.WhenAll(sybils.Select(sybil => host.SendAsync(
            sybil, HttpMethod.Put, $"/v1/organizations/{sybil.Domain}", ApiHost.Contact(sybil), tamper: request => request.Headers.Add("X-Forwarded-For", "203.0.113.7"))));
        Assert.Equal(2, replies.Count(reply => reply.Status == 201));
        Assert.All(replies.Where(reply => reply.Status != 201), reply => Assert.Equal((429, "too-many-contacts"), Pair(reply)));
    }

    [Fact]
    public async Task Requests_have_limits_by_network_and_by_organization()
    {
        await using var narrow = await ApiHost.StartAsync(world, "--Mailkey:Agreements:Api:RequestsPerClient=3");
        var replies = new List<ApiReply>();
        for (var i = 0; i < 4; i++)
        {
            replies.Add(await narrow.SendAsync(ApiHost.RequestOf(HttpMethod.Get, "/v1/agreements")));
        }

        Assert.Equal([401, 401, 401, 429], replies.Select(reply => reply.Status));
        Assert.NotNull(replies[^1].Headers.RetryAfter);

        await using var host = await ApiHost.StartAsync(world, "--Mailkey:Agreements:Api:RequestsPerOrganization=2");
        var (one, other) = (await world.ForwarderAsync(), await world.ForwarderAsync());
        List<int> codes = [];
        foreach (var forwarder in (TestForwarder[])[one, one, one, other])
        {
            codes.Add((await host.SendAsync(forwarder, HttpMethod.Get, $"/v1/organizations/{forwarder.Domain}")).Status);
        }

        Assert.Equal([404, 404, 429, 404], codes);
    }

    [Fact]
    public async Task A_client_that_sends_its_body_one_by_one_takes_no_turn()
    {
        await using var host = await ApiHost.StartAsync(world, "--Mailkey:Agreements:Api:MaxConcurrent=1");
        using var onlyTurn = await host.Limits.EnterAsync("192.0.2.0/24", Stop);
        Assert.True(onlyTurn.IsAcquired);
        using System.Net.Sockets.TcpClient client = new();
        await client.ConnectAsync(host.Address.Host, host.Address.Port, Stop);
        await client.GetStream().WriteAsync(
            "POST /v1/agreements HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"u8.ToArray(), Stop);

        // It is said when the body is waited for: before there is a turn.
        var said = new byte["HTTP/1.1 100"u8.Length];
        await client.GetStream().ReadExactlyAsync(said, Stop).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.Equal("HTTP/1.1 100", Encoding.ASCII.GetString(said));
    }

    [Fact]
    public async Task One_network_never_has_all_the_turns()
    {
        using var limits = new ApiLimits(new() { MaxConcurrent = 4 });
        using var first = await limits.EnterAsync("192.0.2.0/24", Stop);
        var second = await limits.EnterAsync("192.0.2.0/24", Stop);
        Task<RateLimitLease>[] waiting = [limits.EnterAsync("192.0.2.0/24", Stop).AsTask(), limits.EnterAsync("192.0.2.0/24", Stop).AsTask()];
        Assert.False((await limits.EnterAsync("192.0.2.0/24", Stop)).IsAcquired);
        using var other = await limits.EnterAsync("198.51.100.0/24", Stop);
        Assert.True(first.IsAcquired && second.IsAcquired && other.IsAcquired);
        Assert.All(waiting, lease => Assert.False(lease.IsCompleted));
        second.Dispose();
        using var next = await waiting[0];
        Assert.True(next.IsAcquired);
        next.Dispose();
        (await waiting[1]).Dispose();
    }

    [Fact]
    public async Task What_everybody_may_read_has_the_limit_of_the_network_too()
    {
        await using var host = await ApiHost.StartAsync(world, "--Mailkey:Agreements:Api:RequestsPerClient=1");
        List<int> codes = [];
        for (var i = 0; i < 2; i++)
        {
            using var response = await host.Client.GetAsync(new Uri("/v1/openapi.json", UriKind.Relative), Stop);
            codes.Add((int)response.StatusCode);
        }

        Assert.Equal([200, 429], codes);
    }

    [Fact]
    public async Task A_query_of_a_user_says_nothing_of_others_and_one_of_any_octets_is_answered()
    {
        await using var host = await ApiHost.StartAsync(world);
        var forwarder = await host.VerifiedAsync(world);
        await host.ActiveAsync(forwarder, "alice@b.example");
        Assert.Equal((403, "not-allowed"), Pair(await host.SendAsync("mallory@b.example", HttpMethod.Get, $"/v1/agreements?digest=1&forwarder={forwarder.Domain}")));
        Assert.Equal(200, (await host.SendAsync(TestAccounts.Operator, HttpMethod.Get, $"/v1/agreements?digest=1&forwarder={forwarder.Domain}")).Status);
        foreach (var query in (string[])["category=%00", "forwarder=%00", "category=%EF%BF%BE", "category=%ff", "after=%00", "status=%00", "order=%00"])
        {
            var reply = await host.SendAsync("mallory@b.example", HttpMethod.Get, $"/v1/agreements?{query}");
            Assert.True(reply.Status is 200 or 400, $"{query}: {reply.Status}");
        }
    }

    [Fact]
    public async Task A_body_that_is_too_large_or_no_json_of_ours_is_refused()
    {
        await using var host = await ApiHost.StartAsync(world);
        var forwarder = await host.VerifiedAsync(world);
        Task<ApiReply> PostAsync(string body) => host.SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", body, Guid.NewGuid().ToString());

        Assert.Equal((413, "body-too-large"), Pair(await PostAsync($"{{\"recipient\":\"{new string('x', ApiGate.MaxBody)}\"}}")));
        Assert.Equal((400, "body-invalid"), Pair(await PostAsync("{")));
        Assert.Equal((400, "body-invalid"), Pair(await PostAsync("[]")));
        Assert.Equal((400, "body-invalid"), Pair(await PostAsync("null")));
        Assert.Equal((400, "body-invalid"), Pair(await PostAsync("{\"recipient\":\"alice@b.example\"}")));
        Assert.Equal((400, "body-invalid"), Pair(await PostAsync(string.Concat(Enumerable.Repeat("[", 1000)))));
        var valid = JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(ApiHost.Proposal("alice@b.example")))!;
        foreach (var (property, value) in new (string, JsonNode?)[] { ("terms", null), ("methods", null), ("methods", new JsonArray(1)), ("methods", new JsonArray("smoke")), ("skipAllChecks", true), ("recipient", 1) })
        {
            var changed = valid.DeepClone();
            changed[property] = value;
            Assert.Equal((400, "body-invalid"), Pair(await PostAsync(changed.ToJsonString())));
        }

        valid["terms"]!["rate"] = 1_000_000_000;
        Assert.Equal((422, "terms-beyond-limits"), Pair(await PostAsync(valid.ToJsonString())));
        valid["category"] = "Newsletter";
        Assert.Equal((422, "proposal-invalid"), Pair(await PostAsync(valid.ToJsonString())));
        Assert.Equal((415, "media-type-unsupported"), Pair(await host.SendAsync(
            forwarder, HttpMethod.Post, "/v1/agreements", "{}", "type", tamper: request => request.Content!.Headers.ContentType = new("text/plain"))));
    }

    private static StringContent With(HttpContent signed, string body)
    {
        var content = new StringContent(body, Encoding.UTF8, "application/json");
        content.Headers.TryAddWithoutValidation("Content-Digest", signed.Headers.GetValues("Content-Digest"));
        return content;
    }

    private static void Replace(HttpRequestMessage request, string name, string value)
    {
        request.Headers.Remove(name);
        request.Headers.TryAddWithoutValidation(name, value);
    }

    private static (int, string?) Pair(ApiReply reply) => (reply.Status, reply.Code);
}
