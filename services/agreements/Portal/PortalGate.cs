using System.Globalization;
using System.Net;
using System.Text;
using System.Threading.RateLimiting;
using Mailkey.Agreements.Accounts;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Portal.Sessions;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Web;
using Mailkey.Ledger.Events;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Agreements.Portal;

/// <summary>Who may see a page.</summary>
internal enum Audience
{
    /// <summary>Everybody.</summary>
    World,

    /// <summary>Who is signed in.</summary>
    Account,

    /// <summary>Who is signed in as an operator. To others there is no such page.</summary>
    Operator,
}

/// <summary>
/// What every request to the portal goes through: the limit of its network, its session, the origin and the token of a form, and the header
/// fields of the answer. A GET never changes anything.
/// </summary>
internal sealed class PortalGate : IDisposable
{
    private const string SessionCookie = "mailkey-session";
    private const string FormCookie = "mailkey-form";

    // A browser takes such a cookie only over TLS, for this host alone, and from nobody else (RFC 6265bis §4.1.3.2).
    private const string HostPrefix = "__Host-";

    // No script at all, and style sheets and images of ours alone.
    private const string ContentPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    private static readonly string[] ProxyHeaders = ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via"];

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan DatabaseAway = TimeSpan.FromSeconds(30);

    private readonly PortalSessions _sessions;
    private readonly ClientNetwork _networks;
    private readonly PartitionedRateLimiter<string> _requests;
    private readonly string _publicAuthority;
    private readonly bool _isPublicSecure;
    private readonly bool _isPublicLoopback;
    private readonly string _host;
    private readonly TimeProvider _time;
    private readonly IServiceProvider _services;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;

    public PortalGate(PortalSessions sessions, IOptions<MailkeyOptions> options, TimeProvider time, IServiceProvider services, ILoggerFactory loggers)
    {
        var agreements = options.Value.Agreements;
        (_sessions, _time, _services, _loggers, _host) = (sessions, time, services, loggers, options.Value.Hostname);
        _logger = loggers.CreateLogger<PortalGate>();
        _networks = new(agreements.TrustedProxies);
        _requests = PartitionedRateLimiter.Create<string, string>(
            network => RateLimitPartition.GetFixedWindowLimiter(network, _ => new() { PermitLimit = agreements.Portal.RequestsPerClient, Window = Window, QueueLimit = 0 }), StringComparer.Ordinal);
        var url = Uri.TryCreate(agreements.PublicUrl, UriKind.Absolute, out var parsed) ? parsed : null;
        _publicAuthority = url?.Authority ?? "";
        _isPublicSecure = url?.Scheme == Uri.UriSchemeHttps;
        _isPublicLoopback = url is not null && IsLoopback(url.Host);
    }

    /// <summary>Makes an end point of a page.</summary>
    public RequestDelegate Open(Audience audience, Func<Visit, HttpContext, Task<PortalAnswer>> page) => async context =>
    {
        var client = _networks.AddressOf(context.Connection.RemoteIpAddress, context.Request.Headers["X-Forwarded-For"]);
        var secure = IsSecure(context);
        var visit = new Visit(null, ReadCookie(context, FormCookie, secure) ?? PortalSessions.NewSecret(), client, _host, _time.GetUtcNow());
        PortalAnswer answer;
        using var permission = _requests.AttemptAcquire(NetworkPrefix.Of(client));
        try
        {
            answer = permission.IsAcquired
                ? await AnswerAsync(visit, context, audience, secure, page)
                : PortalAnswer.Says(visit, StatusCodes.Status429TooManyRequests, "Too many requests", "Your network asked for more than its share. Try again in a minute.") with { RetryAfter = Window };
        }
        catch (NpgsqlException e)
        {
            _logger.LogWarning("A page can't be made: {Reason}", e.Message);
            answer = PortalAnswer.Says(visit, StatusCodes.Status503ServiceUnavailable, "Not now", "The agreements can't be read at the moment. Nothing is lost; try again in a minute.") with { RetryAfter = DatabaseAway };
        }
        catch (AccountsUnavailableException)
        {
            answer = PortalAnswer.Says(visit, StatusCodes.Status503ServiceUnavailable, "Not now", "The accounts can't be read at the moment. You stay signed in; try again in a minute.") with { RetryAfter = DatabaseAway };
        }
        catch (ContentionException)
        {
            answer = PortalAnswer.Says(visit, StatusCodes.Status503ServiceUnavailable, "Try again", "Too many changes of this at the same time. Nothing has happened.") with { RetryAfter = TimeSpan.FromSeconds(1) };
        }
        catch (BadHttpRequestException e)
        {
            answer = PortalAnswer.Says(visit, e.StatusCode, "That can't be read", "The form was too large or broken.");
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            // Also parts that end in the middle, and a browser that went away.
            answer = PortalAnswer.Says(visit, StatusCodes.Status400BadRequest, "That can't be read", "The form was too large or broken.");
        }

        await WriteAsync(context, answer, secure);
    };

    /// <summary>The style sheet or an image.</summary>
    public static RequestDelegate Asset(byte[] content, string type) => async context =>
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "public, max-age=31536000, immutable";
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = ContentPolicy;
        context.Response.ContentType = type;
        context.Response.ContentLength = content.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(content, context.RequestAborted);
        }
    };

    public void Dispose() => _requests.Dispose();

    private static bool IsLoopback(string host) => host is "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static string? ReadCookie(HttpContext context, string name, bool secure) =>
        context.Request.Cookies[secure ? HostPrefix + name : name] is { } value && PortalSessions.IsSecret(value) ? value : null;

    private static CookieOptions Cookie(bool secure) => new() { HttpOnly = true, Secure = secure, SameSite = SameSiteMode.Lax, Path = "/", IsEssential = true };

    // On the machine itself one may go without TLS; from elsewhere a browser does not even keep the cookie. A proxy on the same machine looks
    // like a client there, and is known by what it adds.
    private bool IsSecure(HttpContext context)
    {
        var request = context.Request;
        return _isPublicSecure
            || !IsLoopback(request.Host.Host)
            || Array.Exists(ProxyHeaders, request.Headers.ContainsKey)
            || !(_isPublicLoopback || IPAddress.IsLoopback(context.Connection.RemoteIpAddress ?? IPAddress.None));
    }

    private async Task<PortalAnswer> AnswerAsync(Visit visit, HttpContext context, Audience audience, bool secure, Func<Visit, HttpContext, Task<PortalAnswer>> page)
    {
        var request = context.Request;
        var isPost = HttpMethods.IsPost(request.Method);
        var session = ReadCookie(context, SessionCookie, secure);
        if (await _sessions.FindAsync(session, context.RequestAborted) is { } account)
        {
            visit = visit with { Account = account, Secret = session! };
        }
        else if (audience != Audience.World)
        {
            // What a form asked for is forgotten: nobody signed it.
            var to = isPost || request.Path.Value is not { } path ? "/portal" : path;
            return PortalAnswer.SeeOther($"/portal/sign-in?to={Uri.EscapeDataString(to)}");
        }

        if (isPost && await ForeignAsync(visit, request, context) is { } foreign)
        {
            return foreign;
        }

        if (visit.Account is null && ReadCookie(context, FormCookie, secure) is null)
        {
            context.Response.Cookies.Append(secure ? HostPrefix + FormCookie : FormCookie, visit.Secret, Cookie(secure));
        }

        return audience == Audience.Operator && !visit.IsOperator ? PortalAnswer.NotFound(visit) : await page(visit, context);
    }

    /// <summary>Null for a form that we showed to this browser.</summary>
    private async Task<PortalAnswer?> ForeignAsync(Visit visit, HttpRequest request, HttpContext context)
    {
        if (!request.HasFormContentType)
        {
            return PortalAnswer.Says(visit, StatusCodes.Status415UnsupportedMediaType, "That can't be read", "Only forms are taken here.");
        }

        var form = await request.ReadFormAsync(context.RequestAborted);
        return IsOwnOrigin(request) && form[FormTokens.Field] is [var token] && FormTokens.Fits(visit.Secret, token)
            ? null
            : PortalAnswer.Says(visit, StatusCodes.Status403Forbidden, "This form is not from here, or too old", "Nothing has happened. Go back, load the page again and repeat it; cookies are needed.");
    }

    // RFC 6454: browsers say where a form was shown, and W3C Fetch Metadata how far that is from here. Who says neither is no browser of today.
    private bool IsOwnOrigin(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"];
        if (site.Count > 0 && site is not ["same-origin"])
        {
            return false;
        }

        return request.Headers.Origin is [{ } text]
            ? Uri.TryCreate(text, UriKind.Absolute, out var origin) && origin.Scheme is "http" or "https" && (_publicAuthority.Length > 0 && origin.Authority == _publicAuthority || origin.Authority == AuthorityOf(request, origin.Scheme))
            : site.Count > 0;
    }

    private static string AuthorityOf(HttpRequest request, string scheme) =>
        Uri.TryCreate($"{scheme}://{request.Host.Value}", UriKind.Absolute, out var own) ? own.Authority : "";

    private async Task WriteAsync(HttpContext context, PortalAnswer answer, bool secure)
    {
        var response = context.Response;
        var headers = response.Headers;
        response.StatusCode = answer.Status;
        headers.CacheControl = "no-store";
        headers.ContentSecurityPolicy = ContentPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["X-Robots-Tag"] = "noindex";

        // Other sites learn nothing from a link, least of all a token; our own forms still say where they were shown.
        headers["Referrer-Policy"] = "same-origin";
        if (_isPublicSecure)
        {
            headers.StrictTransportSecurity = "max-age=31536000";
        }

        if (answer.RetryAfter is { } wait)
        {
            headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        if (answer.NewSession is not null || answer.SignsOut)
        {
            await _sessions.EndAsync(ReadCookie(context, SessionCookie, secure), context.RequestAborted);
            response.Cookies.Delete(secure ? HostPrefix + FormCookie : FormCookie, Cookie(secure));
            if (answer.NewSession is { } secret)
            {
                response.Cookies.Append(secure ? HostPrefix + SessionCookie : SessionCookie, secret, Cookie(secure));
            }
            else
            {
                response.Cookies.Delete(secure ? HostPrefix + SessionCookie : SessionCookie, Cookie(secure));
            }
        }

        if (answer.Location is { } location)
        {
            headers.Location = location;
            return;
        }

        var content = Encoding.UTF8.GetBytes(await RenderAsync(answer));
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = content.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(content, context.RequestAborted);
        }
    }

    // Components are rendered here and now; nothing of them lives on.
    private async Task<string> RenderAsync(PortalAnswer answer)
    {
        await using var renderer = new HtmlRenderer(_services, _loggers);
        return await renderer.Dispatcher.InvokeAsync(async () =>
            (await renderer.RenderComponentAsync(answer.Page!, ParameterView.FromDictionary(answer.Parameters))).ToHtmlString());
    }
}
