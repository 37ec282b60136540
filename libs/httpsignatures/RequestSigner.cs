using System.Security.Cryptography;
using Mailkey.Authentication.Crypto;

namespace Mailkey.HttpSignatures;

/// <summary>Signs requests that we send.</summary>
public static class RequestSigner
{
    /// <summary>The label that our signatures have.</summary>
    public const string Label = "mailkey";

    // 144 bits, and no padding in base64.
    private const int NonceOctets = 18;

    /// <summary>Signs a request: its method, its whole address, and its content, which gets a Content-Digest.</summary>
    /// <param name="request">With an absolute address.</param>
    /// <param name="keyId">What the receiver finds the key by; visible ASCII.</param>
    /// <param name="tag">What the signature is for.</param>
    public static async Task SignAsync(HttpRequestMessage request, SigningKey key, string keyId, string? tag, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var address = request.RequestUri is { IsAbsoluteUri: true } absolute ? absolute : throw new ArgumentException("The request needs an absolute address.", nameof(request));
        List<string> components = ["@method", "@target-uri"];
        string? digest = null;
        if (request.Content is { } content && await content.ReadAsByteArrayAsync(cancellationToken) is { Length: > 0 } body)
        {
            digest = ContentDigest.Of(body);
            content.Headers.Remove("Content-Digest");
            content.Headers.TryAddWithoutValidation("Content-Digest", digest);
            components.Add("content-digest");
        }

        var signature = Sign(
            SignedRequest.To(request.Method.Method, address, name => name == "content-digest" && digest is not null ? [digest] : null),
            SignatureInput.Of(components, now, keyId, Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceOctets)), tag),
            key);
        request.Headers.Remove("Signature-Input");
        request.Headers.Remove("Signature");
        request.Headers.TryAddWithoutValidation("Signature-Input", signature.InputField);
        request.Headers.TryAddWithoutValidation("Signature", signature.SignatureField);
    }

    /// <summary>Signs what an input covers.</summary>
    /// <exception cref="ArgumentException">A part that is to be covered is not there.</exception>
    public static MessageSignature Sign(SignedRequest request, SignatureInput input, SigningKey key, string label = Label) =>
        SignatureBase.TryWrite(request, input, out var text, out var error)
            ? new(label, input, SignatureAlgorithm.Sign(key, text))
            : throw new ArgumentException(error, nameof(input));
}
