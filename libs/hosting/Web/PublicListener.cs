using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mailkey.Hosting.Web;

/// <summary>What a port that strangers reach is like.</summary>
/// <param name="Listen">Its address.</param>
/// <param name="Port">Its port; 0: any free one.</param>
/// <param name="MaxConnections">Connections at the same time.</param>
/// <param name="MaxRequestBody">Octets of a request's body.</param>
public sealed record PublicEndpoint(string Listen, int Port, int MaxConnections, long MaxRequestBody)
{
    /// <summary>Octets of a request line: method, path and query.</summary>
    public int MaxRequestLine { get; init; } = 2 * 1024;

    /// <summary>Octets of all header fields.</summary>
    public int MaxRequestHeaders { get; init; } = 8 * 1024;

    /// <summary>Time in which the header of a request has to be there, and a connection has to say something.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// The port of a service that is for the world. Each of its connections is marked, so that a request is known by the listener it came
/// through and by nothing that a client can write; and there are only so many of them, so that health checks find room.
/// </summary>
public static class PublicListener
{
    private interface IPublicConnection;

    /// <summary>Adds the port. Its limits are those of the whole process.</summary>
    public static void Listen(KestrelServerOptions kestrel, PublicEndpoint endpoint)
    {
        kestrel.Limits.MaxRequestLineSize = endpoint.MaxRequestLine;
        kestrel.Limits.MaxRequestHeadersTotalSize = endpoint.MaxRequestHeaders;
        kestrel.Limits.MaxRequestBodySize = endpoint.MaxRequestBody;
        kestrel.Limits.RequestHeadersTimeout = endpoint.Patience;
        kestrel.Limits.KeepAliveTimeout = endpoint.Patience;
        var slots = new SemaphoreSlim(endpoint.MaxConnections);
        kestrel.Listen(IPAddress.Parse(endpoint.Listen), endpoint.Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => async connection =>
            {
                if (!slots.Wait(TimeSpan.Zero))
                {
                    connection.Abort();
                    return;
                }

                try
                {
                    connection.Features.Set<IPublicConnection>(Mark.Instance);
                    await next(connection);
                }
                finally
                {
                    slots.Release();
                }
            });
        });
    }

    /// <summary>Whether a request came in by the public port.</summary>
    public static bool IsPublic(HttpContext context) => context.Features.Get<IPublicConnection>() is not null;

    private sealed class Mark : IPublicConnection
    {
        public static Mark Instance { get; } = new();
    }
}
