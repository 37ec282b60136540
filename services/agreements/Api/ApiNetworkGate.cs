using Mailkey.Hosting.Options;
using Mailkey.Hosting.Web;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Api;

/// <summary>The limit of a network, for what is answered to everybody.</summary>
public sealed class ApiNetworkGate(ApiLimits limits, IOptions<MailkeyOptions> options) : IEndpointFilter
{
    private readonly ClientNetwork _networks = new(options.Value.Agreements.TrustedProxies);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(next);
        var http = context.HttpContext;
        return limits.TryTakeNetwork(_networks.Of(http.Connection.RemoteIpAddress, http.Request.Headers["X-Forwarded-For"]), out var wait)
            ? await next(context)
            : ApiAnswer.Of(ApiProblem.TooManyRequests, wait);
    }
}
