using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>The HTTP API of the service agreements.</summary>
public sealed class AgreementsApiOptions
{
    [Range(1, 1_000_000), Description("Requests that the clients of one network (/24, /56) may make in a minute, to each replica.")]
    public int RequestsPerClient { get; set; } = 300;

    [Range(1, 1_000_000), Description("Requests of one organisation in a minute, to each replica.")]
    public int RequestsPerOrganization { get; set; } = 600;

    [Range(1, 10_000), Description("Requests that are worked on at the same time, half of them for one network at most; as many again wait.")]
    public int MaxConcurrent { get; set; } = 24;

    [Description("Age that a signature may have. Its nonce is remembered for that time.")]
    public TimeSpan SignatureMaxAge { get; set; } = TimeSpan.FromMinutes(5);

    [Description("Time that the clock of a forwarder may be ahead of ours.")]
    public TimeSpan SignatureMaxAhead { get; set; } = TimeSpan.FromMinutes(1);

    [Description("Time that an answer is kept for a request with the same Idempotency-Key.")]
    public TimeSpan IdempotencyAge { get; set; } = TimeSpan.FromDays(1);
}
