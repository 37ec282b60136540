using System.Diagnostics.Metrics;

namespace Mailkey.Verifier.Telemetry;

/// <summary>What is counted of publishers: <c>Mailkey.Verifier.Publishers</c>.</summary>
internal static class PublisherMetrics
{
    private static readonly Meter Meter = new("Mailkey.Verifier.Publishers");

    private static readonly Counter<long> Changes = Meter.CreateCounter<long>(
        "mailkey.verifier.publisher.changes", "{change}", "Publishers that vanished, returned or were forgotten, and key sets that were rolled back, by kind");

    public static void CountChange(string kind) => Changes.Add(1, new KeyValuePair<string, object?>("kind", kind));
}
