using System.Diagnostics.Metrics;

namespace Mailkey.Verifier.Policy;

/// <summary>What the policy counts.</summary>
internal static class PolicyMetrics
{
    private static readonly Meter Meter = new("Mailkey.Policy");

    private static readonly Counter<long> Reloads = Meter.CreateCounter<long>(
        "mailkey.policy.reloads", "{reload}", "Changed policy files that were taken over, or not because of errors");

    private static readonly Counter<long> SkippedRules = Meter.CreateCounter<long>(
        "mailkey.policy.skipped", "{message}", "Messages for which rules were skipped because the database did not answer in time");

    public static void Reloaded() => Reloads.Add(1, new KeyValuePair<string, object?>("result", "taken"));

    public static void ReloadFailed() => Reloads.Add(1, new KeyValuePair<string, object?>("result", "broken"));

    /// <param name="what">state or history.</param>
    public static void Skipped(string what) => SkippedRules.Add(1, new KeyValuePair<string, object?>("what", what));
}
