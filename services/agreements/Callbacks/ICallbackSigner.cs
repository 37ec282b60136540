namespace Mailkey.Agreements.Callbacks;

/// <summary>Signs calls to forwarders, so that they know who calls.</summary>
public interface ICallbackSigner
{
    /// <summary>Whether there is a key. Without one nobody is called: anybody could have.</summary>
    bool IsConfigured { get; }

    /// <summary>Adds Content-Digest (RFC 9530), Signature-Input and Signature (RFC 9421).</summary>
    Task SignAsync(HttpRequestMessage request, CancellationToken cancellationToken);
}
