using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Web;
using Mailkey.Status.Domains;
using Mailkey.Status.Pages;
using Mailkey.Status.Telemetry;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Status.Web;

/// <summary>
/// Answers the world. <c>GET /</c> is a form, <c>GET /?domain=NAME</c> and <c>GET /domain/NAME</c> are the page of a domain, made of what is on
/// record; <c>POST /domain/NAME</c> looks at the domain, and is the only thing that sends anything to anybody.
/// </summary>
internal sealed class PageHandler(
    DomainRecord record, DomainLook look, PageLimits limits, IOptions<MailkeyOptions> options, IHostApplicationLifetime lifetime, ILogger<PageHandler> logger)
{
    /// <summary>Octets of a body: the one form has no fields worth sending.</summary>
    public const int MaxRequestBody = 4 * 1024;

    private const string DomainPath = "/domain/";
    private const string JsonSuffix = ".json";
    private const string HtmlType = "text/html; charset=utf-8";
    private const string JsonType = "application/json; charset=utf-8";

    private static readonly TimeSpan DatabaseAway = TimeSpan.FromSeconds(30);

    private readonly ClientNetwork _networks = new(options.Value.StatusPage.TrustedProxies);

    public async Task HandleAsync(HttpContext context)
    {
        var answer = await AnswerAsync(context);
        StatusMetrics.Count(answer.Status, HttpMethods.IsPost(context.Request.Method));
        var response = context.Response;
        response.StatusCode = answer.Status;
        var headers = response.Headers;
        headers.CacheControl = "no-store";
        headers.ContentSecurityPolicy = Style.Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["X-Robots-Tag"] = "noindex";
        headers.Vary = "Accept";
        if (answer.Allow is not null)
        {
            headers.Allow = answer.Allow;
        }

        if (answer.Location is not null)
        {
            headers.Location = answer.Location;
        }

        if (answer.RetryAfter is { } wait)
        {
            headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        response.ContentType = answer.Type;
        response.ContentLength = answer.Content.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(answer.Content, context.RequestAborted);
        }
    }

    // RFC 9110 §12.5.1, as far as two forms of a page need it: who names JSON and not HTML gets JSON.
    private static bool WantsJson(HttpRequest request)
    {
        var accept = request.Headers.Accept.ToString();
        return accept.Contains("application/json", StringComparison.OrdinalIgnoreCase) && !accept.Contains("text/html", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Which domain a request is about; false when it is about none and there is no such page.</summary>
    private static bool TryReadPath(HttpRequest request, out string? domain, out bool json)
    {
        var path = request.Path.Value ?? "/";
        json = WantsJson(request);
        domain = null;
        if (path == "/")
        {
            domain = request.Query["domain"] is [{ } one] ? one.Trim() : request.Query.ContainsKey("domain") ? "" : null;
            return true;
        }

        if (!path.StartsWith(DomainPath, StringComparison.Ordinal) || path.IndexOf('/', DomainPath.Length) >= 0)
        {
            return false;
        }

        domain = path[DomainPath.Length..];
        if (domain.EndsWith(JsonSuffix, StringComparison.Ordinal))
        {
            domain = domain[..^JsonSuffix.Length];
            json = true;
        }

        return true;
    }

    // A single label is no domain of mail; names of this network have such.
    private static bool TryReadDomain(string text, [NotNullWhen(true)] out string? domain) =>
        DomainName.TryNormalize(text, out domain) && domain.Contains('.', StringComparison.Ordinal);

    private async Task<Answer> AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        var root = request.Path.Value is { } path && path.StartsWith(DomainPath, StringComparison.Ordinal) ? "../" : "./";
        if (!TryReadPath(request, out var text, out var json))
        {
            return Problem(404, "There is no such page", "Look a domain up here.", "/", json);
        }

        var isPost = HttpMethods.IsPost(request.Method);
        var isCheckPath = root == "../";
        if (!(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || (isPost && isCheckPath)))
        {
            return Problem(405, "That can't be done here", "Pages are read with GET; POST looks at a domain again.", root, json) with { Allow = isCheckPath ? "GET, HEAD, POST" : "GET, HEAD" };
        }

        var network = _networks.Of(context.Connection.RemoteIpAddress, request.Headers["X-Forwarded-For"]);
        using var view = await limits.ViewAsync(network, context.RequestAborted);
        if (view.Refused != PageLimits.Reason.None)
        {
            return TooMuch(view, root, json);
        }

        if (text is null)
        {
            return new(200, HtmlType, Encoding.UTF8.GetBytes(DomainPage.Start(root).ToString()));
        }

        if (!TryReadDomain(text, out var domain))
        {
            return Problem(400, "That is not a domain", "Give a domain such as example.org: the part behind the @ of an address.", root, json);
        }

        try
        {
            return isPost ? await CheckAsync(context, domain, network, root, json) : await ShowAsync(domain, root, json, context.RequestAborted);
        }
        catch (NpgsqlException e)
        {
            logger.LogWarning("The page of {Domain} can't be made: {Reason}", domain, e.Message);
            return Problem(503, "Not now", "What is known about domains can't be read at the moment. Try again in a minute.", root, json) with { RetryAfter = DatabaseAway };
        }
    }

    private async Task<Answer> ShowAsync(string domain, string root, bool json, CancellationToken cancellationToken)
    {
        var view = await record.ReadAsync(domain, cancellationToken);
        return json ? new(200, JsonType, DomainJson.Of(view)) : new(200, HtmlType, Encoding.UTF8.GetBytes(DomainPage.Of(view, root).ToString()));
    }

    private async Task<Answer> CheckAsync(HttpContext context, string domain, string network, string root, bool json)
    {
        // A form of another site must not make the visitors of that site look for it (W3C Fetch Metadata; old browsers don't say).
        if (context.Request.Headers["Sec-Fetch-Site"] is [{ } site] && site is not ("same-origin" or "none"))
        {
            return Problem(403, "Not from there", "Use the button on this page.", root, json, domain);
        }

        using var permission = limits.Check(network);
        if (permission.Refused != PageLimits.Reason.None)
        {
            return TooMuch(permission, root, json, domain);
        }

        // Once begun it is brought to its end, whether or not the client waits: the next one finds the answer.
        if (await look.LookAsync(domain, lifetime.ApplicationStopping) is { } wait)
        {
            return Problem(429, "Just looked", "Somebody asked for this domain a moment ago. The page shows what was found.", root, json, domain) with { RetryAfter = wait };
        }

        return json
            ? await ShowAsync(domain, root, json, context.RequestAborted)
            : new(303, HtmlType, Encoding.UTF8.GetBytes(DomainPage.Problem("Looked", "The page of the domain shows what was found.", root, domain).ToString())) { Location = domain };
    }

    private static Answer TooMuch(PageLimits.Permission permission, string root, bool json, string domain = "") =>
        (permission.Refused == PageLimits.Reason.Client
            ? Problem(429, "Too often", "Your network asked for more than its share. Try again in a minute.", root, json, domain)
            : Problem(503, "Busy", "Too many ask at the same time. Try again in a minute.", root, json, domain)) with { RetryAfter = permission.RetryAfter };

    private static Answer Problem(int status, string title, string text, string root, bool json, string domain = "") => json
        ? new(status, JsonType, DomainJson.Problem($"{title}. {text}"))
        : new(status, HtmlType, Encoding.UTF8.GetBytes(DomainPage.Problem(title, text, root, domain).ToString()));

    private sealed record Answer(int Status, string Type, byte[] Content)
    {
        public string? Allow { get; init; }
        public string? Location { get; init; }
        public TimeSpan? RetryAfter { get; init; }
    }
}
