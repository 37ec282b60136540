using System.Net;

namespace Mailkey.Dns;

/// <summary>What <see cref="DnsResolver"/> needs to know.</summary>
public sealed record DnsResolverOptions
{
    /// <summary>Port of DNS (RFC 1035 §4.2).</summary>
    public const int DefaultPort = 53;

    /// <summary>The recursive resolvers, in the order in which they are tried.</summary>
    public required IReadOnlyList<IPEndPoint> Servers { get; init; }

    /// <summary>Time for one try of one server.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Time for a whole look-up.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Tries of a look-up, over all servers.</summary>
    public int Attempts { get; init; } = 3;

    /// <summary>Answers that are kept; an answer of many octets counts as several. 0: none.</summary>
    public int CacheEntries { get; init; } = 100_000;

    /// <summary>Longest time a positive answer is kept.</summary>
    public TimeSpan MaxTtl { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Longest time a negative answer is kept (RFC 2308 §5).</summary>
    public TimeSpan MaxNegativeTtl { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Look-ups on the wire at the same time; eight times as many may wait.</summary>
    public int MaxConcurrent { get; init; } = 1000;
}
