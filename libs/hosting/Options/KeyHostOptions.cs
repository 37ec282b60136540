using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>Finding the key set of a sender domain.</summary>
public sealed class KeyHostOptions
{
    [Description("Time for the whole discovery of one domain; then its state is unknown.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(8);

    [Description("Time for fetching a key set over HTTPS.")]
    public TimeSpan FetchTimeout { get; set; } = TimeSpan.FromSeconds(3);

    [Range(1, 65535), Description("Port of the HTTPS key set. Anything but 443 is for tests.")]
    public int HttpsPort { get; set; } = 443;

    [Description("Allow key hosts at private and loopback addresses. For tests only: it opens the inner network to requests made by strangers.")]
    public bool AllowPrivateAddresses { get; set; }

    [Description("PEM file with additional certificate authorities for HTTPS key sets. Empty: the system's.")]
    public string? CertificateAuthorities { get; set; }

    [Range(16, 10000000), Description("Key sets that are kept in memory.")]
    public int CacheEntries { get; set; } = 50_000;

    [Range(1, 100000), Description("Discoveries under way at the same time; further uncached domains get 451 at once.")]
    public int MaxConcurrent { get; set; } = 500;

    [Range(1, 100000), Description("Of these, discoveries for the mail of one client network (/24 of IPv4, /48 of IPv6), so that no network uses up what all share. Raise it to MaxConcurrent where all mail comes through one proxy.")]
    public int MaxConcurrentPerNetwork { get; set; } = 125;

    [Description("Longest time a key set is kept, whatever its TTL or max_age says.")]
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromHours(1);

    [Description("Shortest time a state is kept, so that a TTL of 0 does not cost a look-up for each message.")]
    public TimeSpan MinAge { get; set; } = TimeSpan.FromSeconds(5);

    [Description("Time that the state unknown is kept.")]
    public TimeSpan UnknownAge { get; set; } = TimeSpan.FromSeconds(10);

    [Description("Time in which a domain that once published and now is absent counts as unknown.")]
    public TimeSpan VanishedGrace { get; set; } = TimeSpan.FromDays(3);
}
