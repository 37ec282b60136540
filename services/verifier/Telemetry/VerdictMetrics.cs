using System.Diagnostics;
using System.Diagnostics.Metrics;
using Mailkey.Contracts;

namespace Mailkey.Verifier.Telemetry;

/// <summary>What the verifier counts of its verdicts.</summary>
internal static class VerdictMetrics
{
    private static readonly Meter Meter = new("Mailkey.Verifier");

    private static readonly Counter<long> Verdicts = Meter.CreateCounter<long>(
        "mailkey.verifier.verdicts", "{message}", "Messages judged, by what is done with them, state of the mailkey host, result and rule");

    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>(
        "mailkey.verifier.duration", "ms", "Time from taking a message off the bus to its verdict");

    public static void Judged(Disposition disposition, Verdict verdict)
    {
        Verdicts.Add(1, new TagList
        {
            { "disposition", disposition switch { Disposition.Accept => "accept", Disposition.Reject => "reject", _ => "defer" } },
            { "host", verdict.HostState },
            { "result", verdict.Result },
            { "rule", verdict.Rule },
        });
        Duration.Record(verdict.ElapsedMicroseconds / 1000.0);
    }
}
