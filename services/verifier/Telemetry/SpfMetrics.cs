using System.Diagnostics.Metrics;

namespace Mailkey.Verifier.Telemetry;

/// <summary>What is counted of SPF: <c>Mailkey.Verifier.Spf</c>.</summary>
internal static class SpfMetrics
{
    private static readonly Meter Meter = new("Mailkey.Verifier.Spf");

    private static readonly Counter<long> Results = Meter.CreateCounter<long>(
        "mailkey.verifier.spf.results", "{message}", "SPF results, by result word and identity");

    public static void CountResult(string result, string identity) =>
        Results.Add(1, new KeyValuePair<string, object?>("result", result), new KeyValuePair<string, object?>("identity", identity));
}
