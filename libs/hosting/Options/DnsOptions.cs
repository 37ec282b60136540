using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The DNS resolver.</summary>
public sealed class DnsOptions
{
    [Description("Resolvers as host:port, [IPv6]:port or host; empty: those of /etc/resolv.conf.")]
    public List<string> Resolvers { get; set; } = [];

    [Description("Time for one try of one resolver.")]
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(2);

    [Description("Time for a whole look-up, all tries.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);

    [Range(1, 10), Description("Tries of a look-up.")]
    public int Attempts { get; set; } = 3;

    [Range(0, 10000000), Description("Answers that are kept.")]
    public int CacheEntries { get; set; } = 100_000;

    [Description("Longest time an answer is kept, whatever its TTL says.")]
    public TimeSpan MaxTtl { get; set; } = TimeSpan.FromHours(24);

    [Description("Longest time that a negative answer is kept (RFC 2308 §5 suggests at most 3 hours).")]
    public TimeSpan MaxNegativeTtl { get; set; } = TimeSpan.FromMinutes(15);

    [Range(1, 100000), Description("Look-ups under way at the same time.")]
    public int MaxConcurrent { get; set; } = 1000;
}
