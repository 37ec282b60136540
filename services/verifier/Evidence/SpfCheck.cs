using Mailkey.Contracts;

namespace Mailkey.Verifier.Evidence;

/// <summary>Asks SPF about the client and the envelope sender.</summary>
public sealed class SpfCheck
{
    /// <returns>Null when SPF is switched off, or there is no domain to ask.</returns>
    public ValueTask<SpfEvidence?> CheckAsync(MessageReceived message, CancellationToken cancellationToken) => ValueTask.FromResult<SpfEvidence?>(null);
}
