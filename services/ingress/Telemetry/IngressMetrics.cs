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

    private static readonly Counter<long> Logins = Meter.CreateCounter<long>(
        "mailkey.ingress.logins", "{login}", "Logins of forwarders, by result");

    private static readonly Counter<long> UnderAgreements = Meter.CreateCounter<long>(
        "mailkey.ingress.agreement_messages", "{message}", "Messages accepted under forwarding agreements, by forwarder and client network");

    private static readonly Counter<long> Misuses = Meter.CreateCounter<long>(
        "mailkey.ingress.agreement_misuse", "{report}", "What agreements do not cover, by kind, forwarder and client network");

    private static readonly Counter<long> Sweeps = Meter.CreateCounter<long>(
        "mailkey.ingress.agreement_sweeps", "{session}", "Sessions that were ended because they used too many different agreements, by forwarder");

    private static readonly Counter<long> LeftOut = Meter.CreateCounter<long>(
        "mailkey.ingress.refusals_left_out", "{transaction}", "Refused transactions that are not in the journal, because their network had too many in a minute");

    public static void RefusalLeftOut() => LeftOut.Add(1);

    public static void ConnectionOpened() => Connections.Add(1);

    public static void ConnectionClosed() => Connections.Add(-1);

    public static void ConnectionTurnedAway() => TurnedAway.Add(1);

    /// <param name="code">Reply code.</param>
    /// <param name="rule">Name of the policy rule; null when no verifier was asked.</param>
    public static void TransactionEnded(int code, string? rule) => Ended.Add(1, new("code", code), new("rule", rule ?? "none"));

    public static void Login(string result) => Logins.Add(1, new KeyValuePair<string, object?>("result", result));

    /// <param name="network">Of the client: /24 or /48. A forwarder that got so far has few.</param>
    public static void AgreementUsed(string forwarder, string network) => UnderAgreements.Add(1, new("forwarder", forwarder), new("network", network));

    /// <param name="forwarder">Null for somebody unknown, of whom there may be any number: then the network is left out too.</param>
    public static void AgreementMisused(string kind, string? forwarder, string network) =>
        Misuses.Add(1, new("kind", kind), new("forwarder", forwarder ?? "unknown"), new("network", forwarder is null ? "any" : network));

    public static void AgreementSweep(string forwarder) => Sweeps.Add(1, new KeyValuePair<string, object?>("forwarder", forwarder));
}
