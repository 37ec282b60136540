
namespace Mailkey.HttpSignatures;

/// <summary>Why a request's signature does not count, before any key is asked for.</summary>
public enum SignatureFault
{
    None,

    /// <summary>There is no signature.</summary>
    Missing,

    /// <summary>The fields cannot be read, or cover what cannot be covered.</summary>
    Malformed,

    /// <summary>A part that has to be covered is not, or a parameter is missing.</summary>
    Incomplete,

    /// <summary>It was made too long ago, or in the future, or has expired.</summary>
    OutOfTime,

    /// <summary>The body is not the one of the digest.</summary>
    DigestMismatch,
}

/// <summary>A signature that is complete, in time and fits the body. Whether it is genuine, its key has to say.</summary>
/// <param name="Text">The signature base.</param>
public sealed record SignatureCandidate(MessageSignature Signature, string KeyId, string Nonce, DateTimeOffset Created, ReadOnlyMemory<byte> Text);

/// <summary>What a signature of a request must be like.</summary>
public sealed record SignatureRules
{
    /// <summary>Characters of a nonce at least: 96 random bits take 16 in base64.</summary>
    public const int MinNonceLength = 16;

    /// <summary>Characters of a nonce or a key's name at most.</summary>
    public const int MaxParameterLength = 320;

    /// <summary>How old a signature may be; the nonces of that time are remembered.</summary>
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How far the clock of the other side may be ahead.</summary>
    public TimeSpan MaxAhead { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>What the signature is for; one with another tag does not count, one without does.</summary>
    public string? Tag { get; init; }

    /// <summary>Finds the signature that counts, and checks all but its key.</summary>
    /// <param name="body">The content; empty when there is none.</param>
    /// <param name="detail">What is wrong; one ASCII line without anything that came from outside.</param>
    public SignatureFault Check(SignedRequest request, ReadOnlySpan<byte> body, DateTimeOffset now, out SignatureCandidate? candidate, out string detail)
    {
        ArgumentNullException.ThrowIfNull(request);
        candidate = null;
        if (request.Fields("signature-input") is not { Count: > 0 } inputs || request.Fields("signature") is not { Count: > 0 } values)
        {
            detail = "Signature-Input and Signature are needed";
            return SignatureFault.Missing;
        }

        if (!MessageSignature.TryParse(string.Join(", ", inputs), string.Join(", ", values), out var signatures, out var error))
        {
            detail = $"{error.Message}, at {error.Position}";
            return SignatureFault.Malformed;
        }

        // A proxy may have added one of its own. Only one may be for us: which of two would be the right one, nobody knows.
        var ours = signatures.Where(signature => signature.Input.Tag == Tag).ToList() is { Count: > 0 } tagged
            ? tagged
            : [.. signatures.Where(signature => signature.Input.Tag is null)];
        if (ours.Count != 1)
        {
            detail = ours.Count == 0 ? "no signature with the expected tag" : "more than one signature";
            return SignatureFault.Missing;
        }

        var input = ours[0].Input;
        if (Incomplete(input, hasBody: !body.IsEmpty) is { } lacking)
        {
            detail = lacking;
            return SignatureFault.Incomplete;
        }

        var created = DateTimeOffset.UnixEpoch.AddSeconds(Math.Clamp(input.Created!.Value, 0, uint.MaxValue));
        if (created > now + MaxAhead || created < now - MaxAge)
        {
            detail = created > now ? "created is in the future" : "created is too long ago";
            return SignatureFault.OutOfTime;
        }

        if (input.Expires is { } expires && expires < now.ToUnixTimeSeconds())
        {
            detail = "expires is over";
            return SignatureFault.OutOfTime;
        }

        if (request.Fields("content-digest") is { Count: > 0 } digest || !body.IsEmpty)
        {
            var result = ContentDigest.Check(string.Join(", ", request.Fields("content-digest") ?? []), body);
            if (result != ContentDigestResult.Good)
            {
                detail = result switch
                {
                    ContentDigestResult.Bad => "the body is not that of Content-Digest",
                    ContentDigestResult.Missing => "Content-Digest with sha-256 or sha-512 is needed",
                    _ => "Content-Digest cannot be read",
                };
                return SignatureFault.DigestMismatch;
            }
        }

        if (!SignatureBase.TryWrite(request, input, out var text, out var problem))
        {
            detail = problem;
            return SignatureFault.Malformed;
        }

        detail = "";
        candidate = new(ours[0], input.KeyId!, input.Nonce!, created, text);
        return SignatureFault.None;
    }

    // Whatever is not covered could be another's: method and whole target bind the request, the digest its body, nonce and time this one use.
    private static string? Incomplete(SignatureInput input, bool hasBody)
    {
        if (!input.Covers("@method"))
        {
            return "@method has to be covered";
        }

        if (!input.Covers("@target-uri") && !(input.Covers("@authority") && input.Covers("@path") && input.Covers("@query")))
        {
            return "@target-uri, or @authority with @path and @query, has to be covered";
        }

        return hasBody && !input.Covers("content-digest") ? "content-digest has to be covered"
            : input.Created is null ? "created is needed"
            : input.KeyId is not { Length: > 0 and <= MaxParameterLength } ? "keyid is needed"
            : input.Nonce is not { Length: >= MinNonceLength and <= MaxParameterLength } ? $"nonce is needed, of {MinNonceLength} characters or more"
            : null;
    }
}
