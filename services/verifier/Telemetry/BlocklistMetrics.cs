using System.Diagnostics.Metrics;

namespace Mailkey.Verifier.Telemetry;

/// <summary>What is counted of blocklists: <c>Mailkey.Verifier.Blocklists</c>.</summary>
internal static class BlocklistMetrics
{
    private static readonly Meter Meter = new("Mailkey.Verifier.Blocklists");

    private static readonly Counter<long> Answers = Meter.CreateCounter<long>(
        "mailkey.verifier.blocklists.answers", "{answer}", "Answers about clients, by zone and result: listed, clear, late, failed, refused, foreign (outside of 127.0.0.0/8) or all-listed (a zone that lists 127.0.0.1 too)");

    public static void CountAnswer(string zone, string result) =>
        Answers.Add(1, new KeyValuePair<string, object?>("zone", zone), new KeyValuePair<string, object?>("result", result));
}
