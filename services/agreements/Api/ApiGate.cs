using System.Buffers;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Hosting.Web;
using Mailkey.Ledger.Events;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Api;

/// <summary>What every call goes through before its handler: limits, the body, and who calls; and what turns an outage into an answer.</summary>
public sealed class ApiGate(
    ApiAuthentication authentication, ApiLimits limits, IOptions<MailkeyOptions> options, TimeProvider time, ILogger<ApiGate> logger) : IEndpointFilter
{
    /// <summary>Octets of a body: the longest consent text and evidence, with room.</summary>
    public const int MaxBody = 32 * 1024;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DatabaseAway = TimeSpan.FromSeconds(30);

    private readonly ClientNetwork _networks = new(options.Value.Agreements.TrustedProxies);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(next);
        var http = context.HttpContext;
        var forwardedFor = http.Request.Headers["X-Forwarded-For"];
        var network = _networks.Of(http.Connection.RemoteIpAddress, forwardedFor);
        if (!limits.TryTakeNetwork(network, out var wait))
        {
            return ApiAnswer.Of(ApiProblem.TooManyRequests, wait);
        }

        // Before its turn: a client that sends its octets one by one keeps nobody waiting.
        if (await ReadAsync(http.Request) is not { } body)
        {
            return ApiAnswer.Of(ApiProblem.BodyTooLarge);
        }

        if (body.Length > 0 && !http.Request.HasJsonContentType())
        {
            return ApiAnswer.Of(ApiProblem.MediaTypeUnsupported);
        }

        using var turn = await limits.EnterAsync(network, http.RequestAborted);
        if (!turn.IsAcquired)
        {
            return ApiAnswer.Of(ApiProblem.Busy, Soon);
        }

        try
        {
            var client = _networks.AddressOf(http.Connection.RemoteIpAddress, forwardedFor);
            var identity = await authentication.AuthenticateAsync(http, body, client, http.RequestAborted);
            if (identity.Problem is { } problem)
            {
                return ApiAnswer.Of(problem, identity.RetryAfter);
            }

            if (identity.Domain is { } domain && !limits.TryTakeOrganization(domain, out wait))
            {
                return ApiAnswer.Of(ApiProblem.TooManyRequests, wait);
            }

            http.Features.Set(new ApiCaller(
                identity.Domain, identity.Account?.Address, identity.Account?.IsOperator == true, identity.KeyId, client, $"api {Guid.CreateVersion7(time.GetUtcNow()):N}", body));
            return await next(context);
        }
        catch (ContentionException)
        {
            return ApiAnswer.Of(ApiProblem.Contention, Soon);
        }
        catch (Exception e) when (DatabaseOutage.Is(e))
        {
            logger.LogWarning("A request can't be answered: {Reason}", e.Message);
            return ApiAnswer.Of(ApiProblem.DatabaseAway, DatabaseAway);
        }
    }

    // Null when there is more than anybody needs.
    private static async Task<byte[]?> ReadAsync(HttpRequest request)
    {
        if (request.ContentLength > MaxBody)
        {
            return null;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(MaxBody + 1);
        try
        {
            var length = 0;
            int read;
            while (length <= MaxBody && (read = await request.Body.ReadAsync(buffer.AsMemory(length, MaxBody + 1 - length), request.HttpContext.RequestAborted)) > 0)
            {
                length += read;
            }

            return length > MaxBody ? null : buffer.AsSpan(0, length).ToArray();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
