using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Mailkey.Agreements.Accounts;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Api;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Desk;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Tests.Agreements;
using Mailkey.Agreements.Web;
using Mailkey.Authentication.Crypto;
using Mailkey.Hosting;
using Mailkey.HttpSignatures;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Mailkey.Agreements.Tests.Api;

/// <summary>A database, and a name server that knows the keys of any number of organisations.</summary>
public sealed class ApiWorld : IAsyncLifetime
{
    private readonly PostgresServer _postgres = new();

    public UnboundServer Dns { get; private set; } = null!;

    public string ConnectionString => _postgres.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        await _postgres.InitializeAsync();
        Dns = await UnboundServer.StartAsync(["absent.test. 300 IN A 127.0.0.1"], ["broken.test."]);
    }

    public async ValueTask DisposeAsync()
    {
        await Dns.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    /// <summary>An organisation that publishes a key.</summary>
    internal async Task<TestForwarder> ForwarderAsync()
    {
        var domain = $"a{Guid.NewGuid():N}.test";
        var key = SigningKey.GenerateEd25519();
        await Dns.AddAsync($"mailkey.{domain}. 300 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p={Convert.ToBase64String(key.ExportPublicKey())}\"");
        return new(domain, key);
    }
}

/// <summary>Accounts whose password is their local part.</summary>
internal sealed class TestAccounts : IAccounts
{
    public const string Operator = "postmaster@b.example";

    public ConcurrentBag<IPAddress> Clients { get; } = [];

    public Task<SignIn> AuthenticateAsync(string name, string password, IPAddress client, CancellationToken cancellationToken)
    {
        Clients.Add(client);
        return Task.FromResult(name == "locked@b.example" ? new SignIn(SignInResult.Locked, RetryAfter: TimeSpan.FromMinutes(2))
            : name == "away@b.example" ? new SignIn(SignInResult.Unavailable)
            : password == name.Split('@')[0] ? new SignIn(SignInResult.Accepted, new(name, name == Operator, ""))
            : new SignIn(SignInResult.Rejected));
    }

    public ValueTask<Account?> FindAsync(string address, string stamp, CancellationToken cancellationToken) => new(new Account(address, address == Operator, stamp));

    public string? AccountOf(string recipient) => recipient;
}

/// <summary>An organisation that signs.</summary>
internal sealed record TestForwarder(string Domain, SigningKey Key)
{
    public string KeyId => $"{Domain}/2026a";

    public Actor Actor => new(ActorKind.Forwarder, Domain);
}

/// <summary>What came back.</summary>
internal sealed record ApiReply(int Status, JsonNode? Json, string Text, HttpResponseHeaders Headers)
{
    public string? Code => (string?)Json?["code"];

    public string this[string property] => Json?[property]?.ToString() ?? "";
}

/// <summary>The service in this process, with both of its ports.</summary>
internal sealed class ApiHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ApiHost(WebApplication app, int port, int health)
    {
        _app = app;
        Address = new($"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}");
        Health = new() { BaseAddress = new($"http://127.0.0.1:{health.ToString(CultureInfo.InvariantCulture)}") };
        Client = new() { BaseAddress = Address };
    }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public HttpClient Health { get; }

    public AgreementDesk Desk => _app.Services.GetRequiredService<AgreementDesk>();

    public ApiLimits Limits => _app.Services.GetRequiredService<ApiLimits>();

    public OrganizationDesk Organizations => _app.Services.GetRequiredService<OrganizationDesk>();

    public AgreementRegister Register => _app.Services.GetRequiredService<AgreementRegister>();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static async Task<ApiHost> StartAsync(ApiWorld world, params string[] more)
    {
        var (port, health) = (LoopbackPort.Take(), LoopbackPort.Take());
        var builder = ServiceHost.CreateBuilder("agreements", [
            string.Create(CultureInfo.InvariantCulture, $"--Mailkey:Http:Port={health}"),
            string.Create(CultureInfo.InvariantCulture, $"--Mailkey:Agreements:Port={port}"),
            $"--Mailkey:Postgres:ConnectionString={world.ConnectionString}",
            $"--Mailkey:Dns:Resolvers:0={world.Dns.Resolver}",
            "--Mailkey:Domains:0:Name=b.example",

            // No bus here: the sagas stay silent, and the test speaks for them.
            "--Mailkey:RabbitMq:Uri=amqp://127.0.0.1:1/",
            "--Mailkey:Agreements:Api:RequestsPerClient=100000",
            "--Mailkey:Agreements:Policy:ContactsPerNetwork=1000",
            "--Mailkey:Agreements:Policy:ContactsPerDay=1000",
            "--Mailkey:KeyHost:UnknownAge=00:00:00.001",
            .. more,
        ]);
        builder.Logging.ClearProviders();
        builder.Services.AddAgreements();
        builder.Services.RemoveAll<IAccounts>();
        builder.Services.AddSingleton<IAccounts, TestAccounts>();
        builder.AddAgreementsWeb();
        var app = builder.Build();
        app.UseAgreementsWeb(routes => routes.MapAgreementsApi());
        app.MapHealth();
        await app.StartAsync(Stop);
        return new(app, port, health);
    }

    /// <summary>A signed request.</summary>
    /// <param name="tamper">Changes the request after it was signed.</param>
    public async Task<ApiReply> SendAsync(
        TestForwarder forwarder, HttpMethod method, string path, object? body = null, string? idempotencyKey = null, DateTimeOffset? at = null, string? keyId = null, Action<HttpRequestMessage>? tamper = null)
    {
        using var request = RequestOf(method, path, body, idempotencyKey);
        request.RequestUri = new(Address, path);
        await RequestSigner.SignAsync(request, forwarder.Key, keyId ?? forwarder.KeyId, ApiAuthentication.Tag, at ?? TimeProvider.System.GetUtcNow(), Stop);
        tamper?.Invoke(request);
        return await SendAsync(request);
    }

    /// <summary>A request of an account.</summary>
    public Task<ApiReply> SendAsync(string account, HttpMethod method, string path, object? body = null, string? idempotencyKey = null, string? password = null)
    {
        var request = RequestOf(method, path, body, idempotencyKey);
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{account}:{password ?? account.Split('@')[0]}")));
        return SendAsync(request);
    }

    public async Task<ApiReply> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await Client.SendAsync(request, Stop);
            var text = await response.Content.ReadAsStringAsync(Stop);
            Assert.True(text.Length == 0 || response.Content.Headers.ContentType?.MediaType == ((int)response.StatusCode < 400 ? "application/json" : "application/problem+json"), text);
            var json = text.Length == 0 ? null : JsonNode.Parse(text);
            Assert.True((int)response.StatusCode < 400 || text.Length == 0 || (string?)json!["type"] == $"urn:mailkey:agreements:{json["code"]}", text);
            return new((int)response.StatusCode, json, text, response.Headers);
        }
    }

    /// <summary>An organisation that may propose.</summary>
    public async Task<TestForwarder> VerifiedAsync(ApiWorld world)
    {
        var forwarder = await world.ForwarderAsync();
        var contact = await SendAsync(forwarder, HttpMethod.Put, $"/v1/organizations/{forwarder.Domain}", Contact(forwarder));
        Assert.True(contact.Status == 201, contact.Text);
        Assert.Null((await Organizations.DecideAsync(forwarder.Domain, new Prove(new(ActorKind.System, "test"), OrganizationProof.Dns, "record"), null, Stop)).Refusal);
        var approved = await SendAsync(TestAccounts.Operator, HttpMethod.Post, $"/v1/organizations/{forwarder.Domain}/decisions", new { decision = "approve" });
        Assert.Equal("verified", approved["status"]);
        return forwarder;
    }

    /// <summary>An agreement in force.</summary>
    public async Task<string> ActiveAsync(TestForwarder forwarder, string account, string subscription = "dev")
    {
        var proposed = await SendAsync(forwarder, HttpMethod.Post, "/v1/agreements", Proposal(account, subscription), Guid.NewGuid().ToString());
        Assert.True(proposed.Status == 202, proposed.Text);
        await AcceptProofAsync(proposed["id"]);
        var consented = await SendAsync(account, HttpMethod.Post, $"/v1/agreements/{proposed["id"]}/decisions", new { decision = "consent", version = 1, text = "Do you want it?" });
        Assert.Equal("active-probation", consented["state"]);
        return proposed["id"];
    }

    public async Task AcceptProofAsync(string id)
    {
        Assert.True(AgreementId.TryParse(id, out var agreement));
        Assert.Null((await Desk.DecideAsync(agreement, new AcceptProof(new(ActorKind.System, "test"), [ProofKind.RequestSignature]), null, Stop)).Refusal);
    }

    public Task RegisteredAsync(string id, long version) => Eventually.GetAsync(
        () => Register.FindAsync(AgreementId.TryParse(id, out var agreement) ? agreement : default, Stop),
        row => row?.Version >= version, TimeSpan.FromSeconds(30), () => "the read model is behind");

    public static object Contact(TestForwarder forwarder) => new { contact = $"postmaster@{forwarder.Domain}", callback = $"https://{forwarder.Domain}/callback" };

    public static object Proposal(string recipient, string subscription = "dev", object? terms = null) => new
    {
        recipient,
        category = "mailing-list",
        subscription,
        displayName = "Developers of A",
        methods = new[] { "reference", "address", "auth" },
        terms = terms ?? Terms(),
    };

    public static object Terms(int rate = 200, string dnsbl = "skip") => new
    {
        dnsbl,
        spf = "forwarder-domain",
        mailkey = "ignore-recipient-binding",
        feedback = new { format = "arf", address = "abuse@a.example" },
        rate,
        size = 20 << 20,
    };

    public static HttpRequestMessage RequestOf(HttpMethod method, string path, object? body = null, string? idempotencyKey = null)
    {
        var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is not null)
        {
            request.Content = new StringContent(body as string ?? global::System.Text.Json.JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        }

        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        return request;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Health.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}
