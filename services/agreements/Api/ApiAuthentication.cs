using System.Net;
using System.Text;
using Mailkey.Agreements.Accounts;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.HttpSignatures;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Mailkey.Agreements.Api;

/// <summary>Who was found, or why nobody was.</summary>
/// <param name="RetryAfter">When it makes sense to try again.</param>
public sealed record ApiIdentity(string? Domain, Account? Account, string? KeyId, ApiProblem? Problem, TimeSpan? RetryAfter = null);

/// <summary>
/// Organisations sign under the key set that their mailkey host publishes (RFC 9421): one key ties mail, negotiation and forwarder to a domain.
/// Users and operators have their mail account.
/// </summary>
public sealed class ApiAuthentication(
    KeyHostDiscovery discovery, ApiStore store, ApiLimits limits, IAccounts accounts, IOptions<MailkeyOptions> options, TimeProvider time, ILogger<ApiAuthentication> logger)
{
    /// <summary>What a signature for this API is tagged with, if it is tagged.</summary>
    public const string Tag = "mailkey-agreements";

    /// <summary>Octets of a password and a name.</summary>
    private const int MaxBasicLength = 1024;

    private static readonly TimeSpan TryKeyHostAgain = TimeSpan.FromSeconds(60);

    private readonly AgreementsOptions _options = options.Value.Agreements;
    private readonly SignatureRules _rules = new()
    {
        Tag = Tag,
        MaxAge = options.Value.Agreements.Api.SignatureMaxAge,
        MaxAhead = options.Value.Agreements.Api.SignatureMaxAhead,
    };

    public async Task<ApiIdentity> AuthenticateAsync(HttpContext context, ReadOnlyMemory<byte> body, IPAddress client, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        var headers = context.Request.Headers;
        return headers.ContainsKey("Signature") || headers.ContainsKey("Signature-Input")
            ? await VerifyAsync(context, body, cancellationToken)
            : headers.Authorization is [{ } authorization] ? await SignInAsync(authorization, client, cancellationToken)
            : Nobody(ApiProblem.AuthenticationRequired);
    }

    private static ApiIdentity Nobody(ApiProblem problem, TimeSpan? retryAfter = null) => new(null, null, null, problem, retryAfter);

    private async Task<ApiIdentity> VerifyAsync(HttpContext context, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var fault = _rules.Check(RequestOf(context), body.Span, now, out var candidate, out var detail);
        if (fault != SignatureFault.None)
        {
            return Nobody(fault switch
            {
                SignatureFault.Missing => ApiProblem.SignatureMissing,
                SignatureFault.Malformed => ApiProblem.SignatureMalformed,
                SignatureFault.Incomplete => ApiProblem.SignatureIncomplete,
                SignatureFault.OutOfTime => ApiProblem.SignatureOutOfTime,
                _ => ApiProblem.DigestMismatch,
            } with
            { Detail = detail });
        }

        if (!SignatureKeyId.TryParse(candidate!.KeyId, out var keyId) || !DomainName.TryNormalize(keyId.Domain, out var domain) || !domain.Contains('.', StringComparison.Ordinal))
        {
            return Nobody(ApiProblem.KeyIdInvalid);
        }

        if (await IsGenuineAsync(candidate, domain, keyId.KeyName, cancellationToken) is { } problem)
        {
            return Nobody(problem, problem.Status == ApiProblem.KeySetUnavailable.Status ? TryKeyHostAgain : null);
        }

        // Only now: else anybody could use up the nonces of others.
        return await store.UseNonceAsync(domain, candidate.Nonce, candidate.Created + _rules.MaxAge + _rules.MaxAhead, cancellationToken)
            ? new(domain, null, new SignatureKeyId(domain, keyId.KeyName).ToString(), null)
            : Nobody(ApiProblem.SignatureReplayed);
    }

    private async Task<ApiProblem?> IsGenuineAsync(SignatureCandidate candidate, string domain, string keyName, CancellationToken cancellationToken)
    {
        var problem = await CheckAsync();

        // The domain may have a new key that we have not seen.
        if (problem is not null && problem != ApiProblem.KeySetUnavailable && limits.TryTakeSecondLook(domain))
        {
            discovery.Doubt(domain);
            problem = await CheckAsync();
        }

        return problem;

        async Task<ApiProblem?> CheckAsync()
        {
            var host = await discovery.FindAsync(domain, cancellationToken);
            if (host.State != KeyHostState.Exists)
            {
                logger.LogInformation("No keys of {Domain} for a request: {Reason}", domain, host.Reason);
                return host.State == KeyHostState.Absent ? ApiProblem.KeySetAbsent : ApiProblem.KeySetUnavailable;
            }

            var key = host.Keys!.Keys.FirstOrDefault(key => key.Name == keyName && key is { Status: KeyStatus.Active, Test: false });
            if (key is null || !VerifyKey.TryImport(key.Type, key.Material.Span, out var verify, out _))
            {
                return ApiProblem.KeyUnknown;
            }

            var algorithm = candidate.Signature.Input.Algorithm;
            return (algorithm is null || algorithm == SignatureAlgorithm.Of(key.Type)) && SignatureAlgorithm.Verify(verify, candidate.Text.Span, candidate.Signature.Value.Span)
                ? null
                : ApiProblem.SignatureInvalid;
        }
    }

    // The address that the world knows, and not what a request claims: so nobody passes a request on that was meant for another receiver.
    private SignedRequest RequestOf(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget is ['/', ..] raw ? raw : context.Request.Path + context.Request.QueryString;
        var headers = context.Request.Headers;
        IReadOnlyList<string>? Fields(string name) => headers.TryGetValue(name, out var values) ? [.. values.Select(value => value ?? "")] : null;
        return _options.PublicUrl.Length > 0 && Uri.TryCreate(_options.PublicUrl + target, UriKind.Absolute, out var address)
            ? SignedRequest.To(context.Request.Method, address, Fields) with { Target = new Uri(_options.PublicUrl).AbsolutePath.TrimEnd('/') + target }
            : new(context.Request.Method, context.Request.Scheme, context.Request.Host.Value?.ToLowerInvariant() ?? "", target, Fields);
    }

    // RFC 7617
    private async Task<ApiIdentity> SignInAsync(string authorization, IPAddress client, CancellationToken cancellationToken)
    {
        if (!authorization.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase))
        {
            return Nobody(ApiProblem.AuthenticationRequired);
        }

        var octets = new byte[MaxBasicLength];
        if (!Convert.TryFromBase64String(authorization["Basic ".Length..].Trim(), octets, out var length))
        {
            return Nobody(ApiProblem.AuthenticationRequired);
        }

        var text = Encoding.UTF8.GetString(octets, 0, length);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0)
        {
            return Nobody(ApiProblem.AuthenticationRequired);
        }

        var signIn = await accounts.AuthenticateAsync(text[..colon], text[(colon + 1)..], client, cancellationToken);
        return signIn.Result switch
        {
            SignInResult.Accepted => new(null, signIn.Account, null, null),
            SignInResult.Rejected => Nobody(ApiProblem.CredentialsRejected),
            SignInResult.Locked => Nobody(ApiProblem.AccountLocked, signIn.RetryAfter),
            _ => Nobody(ApiProblem.AccountsUnavailable, signIn.RetryAfter),
        };
    }
}
