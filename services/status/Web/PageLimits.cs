using System.Threading.RateLimiting;
using Mailkey.Hosting.Options;

namespace Mailkey.Status.Web;

/// <summary>
/// How much the world may ask for. Looking at a domain makes us send queries to strangers' name servers and hosts, so that is
/// limited by client network, for all together, and by how many are under way; the limit by domain is in the database.
/// </summary>
/// <param name="window">What the limits of the options are for: a minute.</param>
internal sealed class PageLimits(StatusPageOptions options, TimeSpan window) : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    // Pages that are made at the same time, and those that wait: the database has few connections.
    private const int Pages = 16;
    private const int PagesWaiting = 64;

    private readonly PartitionedRateLimiter<string> _views = ByNetwork(options.ViewsPerClient, window);
    private readonly PartitionedRateLimiter<string> _checks = ByNetwork(options.ChecksPerClient, window);
    private readonly FixedWindowRateLimiter _allChecks = new(Fixed(options.ChecksPerMinute, window));
    private readonly ConcurrencyLimiter _checksUnderWay = new(new() { PermitLimit = options.MaxConcurrentChecks, QueueLimit = 0 });
    private readonly ConcurrencyLimiter _pages = new(new() { PermitLimit = Pages, QueueLimit = PagesWaiting, QueueProcessingOrder = QueueProcessingOrder.OldestFirst });

    /// <summary>Asks for a page.</summary>
    public async ValueTask<Permission> ViewAsync(string network, CancellationToken cancellationToken)
    {
        var permission = new Permission();
        _ = permission.Take(_views.AttemptAcquire(network), Reason.Client, window)
            && permission.Take(await _pages.AcquireAsync(1, cancellationToken), Reason.Busy, Soon);
        return permission;
    }

    /// <summary>Asks for a look at a domain.</summary>
    public Permission Check(string network)
    {
        var permission = new Permission();
        _ = permission.Take(_checks.AttemptAcquire(network), Reason.Client, window)
            && permission.Take(_allChecks.AttemptAcquire(), Reason.Busy, window)
            && permission.Take(_checksUnderWay.AttemptAcquire(), Reason.Busy, Soon);
        return permission;
    }

    public void Dispose()
    {
        _views.Dispose();
        _checks.Dispose();
        _allChecks.Dispose();
        _checksUnderWay.Dispose();
        _pages.Dispose();
    }

    private static PartitionedRateLimiter<string> ByNetwork(int permits, TimeSpan window) =>
        PartitionedRateLimiter.Create<string, string>(network => RateLimitPartition.GetFixedWindowLimiter(network, _ => Fixed(permits, window)), StringComparer.Ordinal);

    private static FixedWindowRateLimiterOptions Fixed(int permits, TimeSpan window) => new() { PermitLimit = permits, Window = window, QueueLimit = 0 };

    /// <summary>Whose limit it was.</summary>
    public enum Reason
    {
        None,

        /// <summary>This client asked too often.</summary>
        Client,

        /// <summary>All clients together did.</summary>
        Busy,
    }

    /// <summary>What was granted; given back at the end of the request.</summary>
    public sealed class Permission : IDisposable
    {
        private readonly List<RateLimitLease> _leases = [];

        /// <summary>Why it was not; none when it was.</summary>
        public Reason Refused { get; private set; }

        public TimeSpan RetryAfter { get; private set; }

        public void Dispose() => _leases.ForEach(lease => lease.Dispose());

        internal bool Take(RateLimitLease lease, Reason reason, TimeSpan otherwise)
        {
            _leases.Add(lease);
            if (lease.IsAcquired)
            {
                return true;
            }

            Refused = reason;
            RetryAfter = lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : otherwise;
            return false;
        }
    }
}
