using System.Diagnostics.Metrics;

namespace Mailkey.Verifier.Telemetry;

/// <summary>What is counted of DKIM: <c>Mailkey.Verifier.Dkim</c>.</summary>
internal static class DkimMetrics
{
    private static readonly Meter Meter = new("Mailkey.Verifier.Dkim");

    private static readonly Counter<long> Signatures = Meter.CreateCounter<long>(
        "mailkey.verifier.dkim.signatures", "{signature}", "DKIM signatures that were looked at, by result");

    private static readonly Counter<long> Ignored = Meter.CreateCounter<long>(
        "mailkey.verifier.dkim.ignored", "{signature}", "DKIM signatures beyond the number that is looked at");

    private static readonly Counter<long> Repeated = Meter.CreateCounter<long>(
        "mailkey.verifier.dkim.repeated", "{signature}", "Good DKIM signatures that had come before, for other recipients");

    public static void CountSignature(string result) => Signatures.Add(1, new KeyValuePair<string, object?>("result", result));

    public static void CountIgnored(int signatures)
    {
        if (signatures > 0)
        {
            Ignored.Add(signatures);
        }
    }

    public static void CountRepeated() => Repeated.Add(1);
}
