using Mailkey.Contracts;

namespace Mailkey.Verifier.Evidence;

/// <summary>Asks the configured DNS blocklists and allowlists about the client.</summary>
public sealed class BlocklistCheck
{
    public ValueTask<IReadOnlyList<BlocklistEvidence>> CheckAsync(ConnectionFacts connection, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<BlocklistEvidence>>([]);
}
