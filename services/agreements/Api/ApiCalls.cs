using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Api;

/// <summary>What handlers share.</summary>
public sealed class ApiCalls(ApiStore store, IOptions<MailkeyOptions> options)
{
    private const int MaxIdempotencyKey = 255;

    /// <summary>The caller that the gate found.</summary>
    public static ApiCaller CallerOf(HttpContext context) =>
        context.Features.Get<ApiCaller>() ?? throw new InvalidOperationException("A call has not been through the gate.");

    /// <summary>Reads the body.</summary>
    /// <param name="problem">Says where it goes wrong.</param>
    public static bool TryRead<T>(ApiCaller caller, JsonTypeInfo<T> json, [NotNullWhen(true)] out T? value, [NotNullWhen(false)] out ApiAnswer? problem)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(caller);
        value = null;
        try
        {
            value = caller.Body.IsEmpty ? null : JsonSerializer.Deserialize(caller.Body.Span, json);
            problem = value is null ? ApiAnswer.Of(ApiProblem.BodyInvalid) : null;
        }
        catch (JsonException e)
        {
            // The path and the place; the message itself may quote what came.
            problem = ApiAnswer.Of(ApiProblem.BodyInvalid with { Detail = $"line {(e.LineNumber ?? 0) + 1}, octet {(e.BytePositionInLine ?? 0) + 1}" });
        }

        return problem is null;
    }

    /// <summary>Does something once, however often the same request comes; what was answered is answered again.</summary>
    /// <param name="isRequired">Whether there must be an Idempotency-Key.</param>
    /// <param name="act">Does it. An answer that is no success is not kept: the same may succeed later.</param>
    public async Task<ApiAnswer> OnceAsync(HttpContext context, ApiCaller caller, bool isRequired, Func<Task<ApiAnswer>> act)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(act);
        var given = context.Request.Headers["Idempotency-Key"];
        if (given.Count == 0 && !isRequired)
        {
            return await act();
        }

        if (given is not [{ Length: > 0 and <= MaxIdempotencyKey } key] || key.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return ApiAnswer.Of(ApiProblem.IdempotencyKeyMissing);
        }

        var fingerprint = FingerprintOf(context, caller);
        var known = await store.BeginAsync(caller.Name, key, fingerprint, options.Value.Agreements.Api.IdempotencyAge, context.RequestAborted);
        if (known.State != RequestState.Begun)
        {
            return known.State switch
            {
                RequestState.Answered => ApiAnswer.Again(known.Answer!),
                RequestState.Different => ApiAnswer.Of(ApiProblem.IdempotencyKeyReused),
                _ => ApiAnswer.Of(ApiProblem.RequestInProgress, TimeSpan.FromSeconds(1)),
            };
        }

        ApiAnswer? answer = null;
        try
        {
            return answer = await act();
        }
        finally
        {
            // Also for a client that has gone: it will come again.
            await store.EndAsync(
                caller.Name, key, fingerprint, answer is { Status: >= 200 and < 300 } ? new(answer.Status, answer.Location, answer.Body) : null, CancellationToken.None);
        }
    }

    private static byte[] FingerprintOf(HttpContext context, ApiCaller caller)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{context.Request.Method}\n{context.Request.Path}{context.Request.QueryString}\n"));
        hash.AppendData(caller.Body.Span);
        return hash.GetHashAndReset();
    }
}
