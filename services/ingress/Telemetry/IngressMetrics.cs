using System.Diagnostics.Metrics;

namespace Mailkey.Ingress.Telemetry;

/// <summary>What ingress counts.</summary>
internal static class IngressMetrics
{
    private static readonly Meter Meter = new("Mailkey.Ingress");

    private static readonly UpDownCounter<long> Connections = Meter.CreateUpDownCounter<long>(
        "mailkey.ingress.connections", "{connection}", "SMTP connections that are open");

    private static readonly Counter<long> TurnedAway = Meter.CreateCounter<long>(
        "mailkey.ingress.turned_away", "{connection}", "SMTP connections that were refused at once: too many, or shutting down");

    private static readonly Counter<long> Ended = Meter.CreateCounter<long>(
        "mailkey.ingress.transactions", "{transaction}", "Transactions that ended, by reply code and by the policy rule that decided");

    public static void ConnectionOpened() => Connections.Add(1);

    public static void ConnectionClosed() => Connections.Add(-1);

    public static void ConnectionTurnedAway() => TurnedAway.Add(1);

    /// <param name="code">Reply code.</param>
    /// <param name="rule">Name of the policy rule; null when no verifier was asked.</param>
    public static void TransactionEnded(int code, string? rule) => Ended.Add(1, new("code", code), new("rule", rule ?? "none"));
}
