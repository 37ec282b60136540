using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Mailkey.Hosting.Options;

/// <summary>How ingress asks for verdicts.</summary>
public sealed class VerdictOptions
{
    [Description("Time to wait for a verdict; then the client gets 451 4.3.0 and keeps the message.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(15);

    [Range(1, 1000), Description("Messages of concurrent sessions that may share one bus message.")]
    public int MaxBatch { get; set; } = 20;

    [Description("Time to wait for the confirm of an accepted message; then the client gets 451 4.3.0.")]
    public TimeSpan ConfirmTimeout { get; set; } = TimeSpan.FromSeconds(15);

    [Range(1, 10000), Description("Batches that one verifier works on at the same time.")]
    public int Concurrency { get; set; } = 64;
}
