using System.ComponentModel;

namespace Mailkey.Hosting.Options;

/// <summary>SPF (RFC 7208).</summary>
public sealed class SpfOptions
{
    [Description("Ask SPF about the client and the envelope sender.")]
    public bool Enabled { get; set; } = true;

    [Description("Time for one evaluation with all its look-ups; what is later is temperror. RFC 7208 §4.6.4 would give 20 seconds; here a client waits for its verdict, and answers that come late are kept for its next try.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);
}
