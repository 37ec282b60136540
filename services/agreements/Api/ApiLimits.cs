using System.Threading.RateLimiting;
using Mailkey.Hosting.Options;

namespace Mailkey.Agreements.Api;

/// <summary>How much may be asked for in a minute, by network and by organisation, and how much at the same time.</summary>
public sealed class ApiLimits(AgreementsApiOptions options) : IDisposable
{
    /// <summary>Looks at a domain whose known keys did not do, by domain: it may have a new one.</summary>
    private const int SecondLooks = 1;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly PartitionedRateLimiter<string> _networks = Partitioned(options.RequestsPerClient);
    private readonly PartitionedRateLimiter<string> _organizations = Partitioned(options.RequestsPerOrganization);
    private readonly PartitionedRateLimiter<string> _secondLooks = Partitioned(SecondLooks);

    // A request may wait for the keys of a domain that answers slowly, as its owner likes: of the turns, one network has half at most.
    private readonly PartitionedRateLimiter<string> _underWay = PartitionedRateLimiter.CreateChained(
        Concurrent(network => network, Math.Max(1, options.MaxConcurrent / 2)), Concurrent(_ => "", options.MaxConcurrent));

    /// <summary>One more request from a network.</summary>
    public bool TryTakeNetwork(string network, out TimeSpan retryAfter) => TryTake(_networks, network, out retryAfter);

    /// <summary>One more request of an organisation.</summary>
    public bool TryTakeOrganization(string domain, out TimeSpan retryAfter) => TryTake(_organizations, domain, out retryAfter);

    /// <summary>Whether the keys of a domain may be looked for once more.</summary>
    public bool TryTakeSecondLook(string domain) => TryTake(_secondLooks, domain, out _);

    /// <summary>Waits for a turn; the lease says whether there is one.</summary>
    public ValueTask<RateLimitLease> EnterAsync(string network, CancellationToken cancellationToken) => _underWay.AcquireAsync(network, 1, cancellationToken);

    public void Dispose()
    {
        _networks.Dispose();
        _organizations.Dispose();
        _secondLooks.Dispose();
        _underWay.Dispose();
    }

    private static bool TryTake(PartitionedRateLimiter<string> limiter, string partition, out TimeSpan retryAfter)
    {
        using var lease = limiter.AttemptAcquire(partition);
        retryAfter = lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : Window;
        return lease.IsAcquired;
    }

    private static PartitionedRateLimiter<string> Concurrent(Func<string, string> partition, int permits) => PartitionedRateLimiter.Create<string, string>(
        network => RateLimitPartition.GetConcurrencyLimiter(
            partition(network), _ => new() { PermitLimit = permits, QueueLimit = permits, QueueProcessingOrder = QueueProcessingOrder.OldestFirst }), StringComparer.Ordinal);

    private static PartitionedRateLimiter<string> Partitioned(int permits) => PartitionedRateLimiter.Create<string, string>(
        partition => RateLimitPartition.GetFixedWindowLimiter(partition, _ => new() { PermitLimit = permits, Window = Window, QueueLimit = 0 }), StringComparer.Ordinal);
}
