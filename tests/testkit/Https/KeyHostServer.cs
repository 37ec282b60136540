using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Mailkey.Testkit.Https;

/// <summary>A real HTTPS server on a loopback port that answers whatever a test wants.</summary>
public sealed class KeyHostServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly X509Certificate2 _certificate;

    private KeyHostServer(WebApplication app, X509Certificate2 certificate)
    {
        _app = app;
        _certificate = certificate;
    }

    public int Port { get; private set; }

    /// <summary>What was asked for: host, path and query.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Starts a server whose certificate is for the names; without names it has one for each name that it is asked by.</summary>
    public static async Task<KeyHostServer> StartAsync(TestAuthority authority, IReadOnlyList<string> names, RequestDelegate behaviour, bool expired = false)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        var certificate = authority.Issue(names.Count == 0 ? ["localhost"] : names, expired);
        var certificates = new ConcurrentDictionary<string, X509Certificate2>(StringComparer.Ordinal);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(https =>
            https.ServerCertificateSelector = (_, name) => names.Count > 0 || name is null ? certificate : certificates.GetOrAdd(name, asked => authority.Issue([asked], expired)))));
        var server = new KeyHostServer(builder.Build(), certificate);
        server._app.Run(context =>
        {
            server.Requests.Enqueue($"{context.Request.Host.Host}{context.Request.Path}{context.Request.QueryString}");
            return behaviour(context);
        });
        await server._app.StartAsync();
        var address = server._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        server.Port = new Uri(address).Port;
        return server;
    }

    /// <summary>A server that answers each request with one document.</summary>
    public static Task<KeyHostServer> StartAsync(TestAuthority authority, IReadOnlyList<string> names, string json) =>
        StartAsync(authority, names, context => WriteAsync(context, json));

    public static async Task WriteAsync(HttpContext context, string json, string contentType = "application/json")
    {
        context.Response.ContentType = contentType;
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(json));
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _certificate.Dispose();
    }
}
