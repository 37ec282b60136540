using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Api;

/// <summary>An answer, written already: it is sent, and where the request has an Idempotency-Key it is kept.</summary>
public sealed class ApiAnswer : IResult
{
    public const string JsonType = "application/json";

    private ApiAnswer(int status, byte[] body, string mediaType) => (Status, Body, MediaType) = (status, body, mediaType);

    public int Status { get; }

    public byte[] Body { get; }

    public string MediaType { get; }

    /// <summary>Where the resource is.</summary>
    public string? Location { get; init; }

    /// <summary>When it makes sense to ask again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether it was given before, to the same request.</summary>
    public bool IsRepeated { get; init; }

    public static ApiAnswer Of<T>(T value, JsonTypeInfo<T> json, int status = 200, string? location = null) =>
        new(status, JsonSerializer.SerializeToUtf8Bytes(value, json), JsonType) { Location = location };

    public static ApiAnswer Of(ApiProblem problem, TimeSpan? retryAfter = null)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return new(problem.Status, JsonSerializer.SerializeToUtf8Bytes(problem, ApiJson.Default.ApiProblem), ApiProblem.MediaType) { RetryAfter = retryAfter };
    }

    /// <summary>Caps of a day are over at midnight (UTC).</summary>
    public static ApiAnswer Of(Refusal refusal, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        var problem = ApiProblem.Of(refusal);
        return Of(problem, problem.Status == StatusCodes.Status429TooManyRequests ? now.UtcDateTime.Date.AddDays(1) - now.UtcDateTime : null);
    }

    public static ApiAnswer Again(KeptAnswer kept)
    {
        ArgumentNullException.ThrowIfNull(kept);
        return new(kept.Status, kept.Body, JsonType) { Location = kept.Location, IsRepeated = true };
    }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        var response = httpContext.Response;
        response.StatusCode = Status;
        response.ContentType = MediaType;
        response.ContentLength = Body.Length;
        var headers = response.Headers;
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        if (Location is not null)
        {
            headers.Location = Location;
        }

        if (RetryAfter is { } wait)
        {
            headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        if (Status == StatusCodes.Status401Unauthorized)
        {
            headers.WWWAuthenticate = "Basic realm=\"mailkey agreements\", charset=\"UTF-8\"";
        }

        if (IsRepeated)
        {
            headers["Idempotency-Replayed"] = "true";
        }

        await response.Body.WriteAsync(Body, httpContext.RequestAborted);
    }
}
