using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>Asking the next hop whether a recipient exists, for domains with CallOut.</summary>
public sealed class RecipientsOptions
{
    [Description("Time for one question to the next hop, connection included; then the client gets 451.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    [Description("Time that a recipient is known to exist.")]
    public TimeSpan PositiveTtl { get; set; } = TimeSpan.FromHours(12);

    [Description("Time that a recipient is known not to exist.")]
    public TimeSpan NegativeTtl { get; set; } = TimeSpan.FromMinutes(10);

    [Range(0, 10000000), Description("Answers that are kept.")]
    public int CacheEntries { get; set; } = 100_000;

    [Range(1, 1000), Description("Questions to one next hop at the same time.")]
    public int MaxConnections { get; set; } = 10;
}
