using System.Globalization;
using System.Net;
using Mailkey.Authentication.Crypto;
using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Mailkey.Status.Web;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Status.Tests;

/// <summary>A database and a name server with a domain for each state.</summary>
public sealed class StatusWorld : IAsyncLifetime
{
    public const string Script = "<script>alert(1)</script>";

    private readonly PostgresServer _postgres = new();

    public UnboundServer Dns { get; private set; } = null!;

    public NpgsqlDataSource Database { get; private set; } = null!;

    public string ConnectionString => _postgres.ConnectionString;

    public static string Record(string domain, string more = "")
    {
        using var key = SigningKey.GenerateEd25519();
        return $"mailkey.{domain}. 3600 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p={Convert.ToBase64String(key.ExportPublicKey())}{more}\"";
    }

    public async ValueTask InitializeAsync()
    {
        await _postgres.InitializeAsync();
        Database = NpgsqlDataSource.Create(ConnectionString);
        Dns = await UnboundServer.StartAsync(
            [
                Record("exists.test"), "exists.test. 300 IN TXT \"v=spf1 -all\"",
                "absent.test. 300 IN A 127.0.0.1",
                Record("hostile.test", $"; n={Script}"),
                $"mailkey.hostile.test. 3600 IN TXT \"v=MAILKEY1; k={Script}; s=two; p=AAAA\"",
                Record("xn--bcher-kva.test"),
            ],
            ["broken.test."]);
    }

    public async ValueTask DisposeAsync()
    {
        await Dns.DisposeAsync();
        await Database.DisposeAsync();
        await _postgres.DisposeAsync();
    }
}

/// <summary>The service in this process, with both of its ports.</summary>
internal sealed class StatusHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private StatusHost(WebApplication app, int page, int health)
    {
        _app = app;
        Page = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new($"http://127.0.0.1:{page}") };
        Health = new() { BaseAddress = new($"http://127.0.0.1:{health}") };
    }

    /// <summary>Somebody of the world; follows no redirects.</summary>
    public HttpClient Page { get; }

    public HttpClient Health { get; }

    public static async Task<StatusHost> StartAsync(StatusWorld world, params string[] more)
    {
        var (page, health) = (LoopbackPort.Take(), LoopbackPort.Take());
        var builder = ServiceHost.CreateBuilder("status", [
            $"--Mailkey:Postgres:ConnectionString={world.ConnectionString}",
            $"--Mailkey:Dns:Resolvers:0={world.Dns.Resolver}",
            string.Create(CultureInfo.InvariantCulture, $"--Mailkey:StatusPage:Port={page}"),
            string.Create(CultureInfo.InvariantCulture, $"--Mailkey:Http:Port={health}"),
            "--Mailkey:StatusPage:ChecksPerClient=1000",
            .. more,
        ]);
        builder.AddStatusPage();

        // However long a test takes, its shares are not filled up meanwhile.
        builder.Services.AddSingleton(provider => new PageLimits(provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.StatusPage, TimeSpan.FromDays(1)));
        var app = builder.Build();
        app.UseStatusPage();
        app.MapHealth();
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new(app, page, health);
    }

    public Task<string> GetAsync(string path) => Page.GetStringAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);

    public Task<HttpResponseMessage> PostAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Post, path, headers);

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await Page.SendAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>Presses the button, and reads the page it leads to.</summary>
    public async Task<string> CheckAsync(string domain)
    {
        using var response = await PostAsync($"/domain/{domain}");
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        return await Page.GetStringAsync(new Uri(new Uri(Page.BaseAddress!, $"/domain/{domain}"), response.Headers.Location!), TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Page.Dispose();
        Health.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }
}
