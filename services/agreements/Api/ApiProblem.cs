using System.Collections.Frozen;
using Mailkey.Agreements.Decisions;

namespace Mailkey.Agreements.Api;

/// <summary>What went wrong, as it is told (RFC 9457).</summary>
/// <param name="Type">Stable, and the same as the code: <c>urn:mailkey:agreements:agreement-exists</c>.</param>
/// <param name="Title">One line for a person.</param>
/// <param name="Status">The status of the response.</param>
/// <param name="Code">Stable: programs decide by it.</param>
/// <param name="Detail">What exactly; may be missing.</param>
public sealed record ApiProblem(string Type, string Title, int Status, string Code, string? Detail = null)
{
    public const string MediaType = "application/problem+json";
    private const string Prefix = "urn:mailkey:agreements:";

    // Problems of the API itself. Refusals of the model have codes of their own.
    public static readonly ApiProblem NotFound = Of(404, "not-found", "There is no such resource.");
    public static readonly ApiProblem MethodNotAllowed = Of(405, "method-not-allowed", "The resource has no such method.");
    public static readonly ApiProblem AuthenticationRequired = Of(401, "authentication-required", "A signature under the organisation's mailkey set, or an account of this mail system, is needed.");
    public static readonly ApiProblem CredentialsRejected = Of(401, "credentials-rejected", "The account or the password is wrong.");
    public static readonly ApiProblem AccountLocked = Of(429, "account-locked", "Too many wrong passwords; later again.");
    public static readonly ApiProblem AccountsUnavailable = Of(503, "accounts-unavailable", "Accounts cannot be checked at the moment.");
    public static readonly ApiProblem SignatureMissing = Of(401, "signature-missing", "There is no signature that is meant for this.");
    public static readonly ApiProblem SignatureMalformed = Of(401, "signature-malformed", "The signature cannot be read.");
    public static readonly ApiProblem SignatureIncomplete = Of(401, "signature-incomplete", "The signature does not cover enough.");
    public static readonly ApiProblem SignatureOutOfTime = Of(401, "signature-out-of-time", "The signature is too old, or from the future.");
    public static readonly ApiProblem DigestMismatch = Of(401, "digest-mismatch", "The body does not have the digest that it should.");
    public static readonly ApiProblem SignatureInvalid = Of(401, "signature-invalid", "The signature is not genuine.");
    public static readonly ApiProblem SignatureReplayed = Of(401, "signature-replayed", "The signature was used before.");
    public static readonly ApiProblem KeyIdInvalid = Of(401, "key-id-invalid", "keyid has to be a domain, a slash and the name of a key.");
    public static readonly ApiProblem KeySetAbsent = Of(401, "key-set-absent", "The domain publishes no mailkey set.");
    public static readonly ApiProblem KeyUnknown = Of(401, "key-unknown", "The mailkey set of the domain has no such key that can be used.");
    public static readonly ApiProblem KeySetUnavailable = Of(503, "key-set-unavailable", "The mailkey set of the domain cannot be looked up at the moment.");
    public static readonly ApiProblem WrongDomain = Of(403, "wrong-domain", "The signature is of another organisation.");
    public static readonly ApiProblem NotAllowed = Of(403, "not-allowed", "This is for somebody else to do.");
    public static readonly ApiProblem BodyInvalid = Of(400, "body-invalid", "The body is not the JSON that is expected.");
    public static readonly ApiProblem BodyTooLarge = Of(413, "body-too-large", "The body is too large.");
    public static readonly ApiProblem MediaTypeUnsupported = Of(415, "media-type-unsupported", "The body has to be application/json.");
    public static readonly ApiProblem QueryInvalid = Of(400, "query-invalid", "A parameter of the query cannot be read.");
    public static readonly ApiProblem IdempotencyKeyMissing = Of(400, "idempotency-key-missing", "An Idempotency-Key of 1 to 255 visible characters is needed.");
    public static readonly ApiProblem IdempotencyKeyReused = Of(422, "idempotency-key-reused", "The Idempotency-Key was used for another request.");
    public static readonly ApiProblem RequestInProgress = Of(409, "request-in-progress", "The request with this Idempotency-Key is being worked on.");
    public static readonly ApiProblem TooManyRequests = Of(429, "too-many-requests", "Too many requests; later again.");
    public static readonly ApiProblem Busy = Of(503, "busy", "Too much to do at the moment; later again.");
    public static readonly ApiProblem DatabaseAway = Of(503, "database-unavailable", "The ledger cannot be reached at the moment.");
    public static readonly ApiProblem Contention = Of(503, "contention", "Too many changes of the same at the same time; again in a moment.");
    public static readonly ApiProblem CredentialsNotOffered = Of(409, "credentials-not-offered", "For this method nothing is issued.");

    private static readonly FrozenDictionary<string, int> Statuses = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["unknown-agreement"] = 404,
        ["unknown-organization"] = 403,
        ["not-yours"] = 403,
        ["proof-first"] = 403,
        ["waiting-period"] = 403,
        ["approval-needed"] = 403,
        ["not-verified"] = 403,
        ["contact-closed"] = 403,
        ["suspended"] = 403,
        ["banned"] = 403,
        ["unknown-recipient"] = 422,
        ["terms-beyond-limits"] = 422,
        ["consent-needed"] = 422,
        ["consent-text-differs"] = 422,
        ["proof-missing"] = 422,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The problem that a refusal is.</summary>
    public static ApiProblem Of(Refusal refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        var status = Statuses.TryGetValue(refusal.Code, out var known) ? known
            : refusal.Code.StartsWith("too-many-", StringComparison.Ordinal) ? 429
            : refusal.Code.EndsWith("-invalid", StringComparison.Ordinal) ? 422
            : 409;
        return Of(status, refusal.Code, refusal.Text);
    }

    private static ApiProblem Of(int status, string code, string title) => new(Prefix + code, title, status, code);
}
