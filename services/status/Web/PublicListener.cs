using System.Net;
using Mailkey.Hosting.Options;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mailkey.Status.Web;

/// <summary>
/// The port of the page. Each of its connections is marked, so that a request is known by the listener it came through and by
/// nothing that a client can write; and there are only so many of them, so that health checks find room.
/// </summary>
internal static class PublicListener
{
    private const int MaxRequestLine = 2 * 1024;
    private const int MaxRequestHeaders = 8 * 1024;

    // The one form has no fields worth sending.
    private const int MaxRequestBody = 4 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private interface IPublicConnection;

    public static void Listen(KestrelServerOptions kestrel, StatusPageOptions page)
    {
        kestrel.Limits.MaxRequestLineSize = MaxRequestLine;
        kestrel.Limits.MaxRequestHeadersTotalSize = MaxRequestHeaders;
        kestrel.Limits.MaxRequestBodySize = MaxRequestBody;
        kestrel.Limits.RequestHeadersTimeout = Patience;
        kestrel.Limits.KeepAliveTimeout = Patience;
        var slots = new SemaphoreSlim(page.MaxConnections);
        kestrel.Listen(IPAddress.Parse(page.Listen), page.Port, listen =>
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
