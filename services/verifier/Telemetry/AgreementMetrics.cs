using System.Diagnostics.Metrics;

namespace Mailkey.Verifier.Telemetry;

/// <summary>What is counted of agreements: <c>Mailkey.Verifier.Agreements</c>.</summary>
internal static class AgreementMetrics
{
    private static readonly Meter Meter = new("Mailkey.Verifier.Agreements");

    private static readonly Counter<long> Replays = Meter.CreateCounter<long>(
        "mailkey.verifier.agreements.replays", "{message}", "Messages whose good DKIM signature did not speak for an agreement, by forwarder, and because it came again or was old");

    public static void Replayed(string forwarder, bool isRepetition) => Replays.Add(
        1, new KeyValuePair<string, object?>("forwarder", forwarder), new KeyValuePair<string, object?>("why", isRepetition ? "again" : "old"));
}
