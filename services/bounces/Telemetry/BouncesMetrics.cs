using System.Diagnostics.Metrics;

namespace Mailkey.Bounces.Telemetry;

/// <summary>What the service counts: <c>Mailkey.Bounces</c>.</summary>
public static class BouncesMetrics
{
    private static readonly Meter Meter = new("Mailkey.Bounces");

    private static readonly Counter<long> Sent = Meter.CreateCounter<long>(
        "mailkey.bounces.sent", "{notification}", "Notifications made, by action and advisory note");

    private static readonly Counter<long> Suppressed = Meter.CreateCounter<long>(
        "mailkey.bounces.suppressed", "{recipient}", "Recipients that nobody was told of, by action and reason");

    public static void CountSent(string action, string advisory) => Sent.Add(1, new("action", action), new("advisory", advisory));

    public static void CountSuppressed(string action, string reason) => Suppressed.Add(1, new("action", action), new("reason", reason));
}
