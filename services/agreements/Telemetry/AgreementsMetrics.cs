using System.Diagnostics.Metrics;

namespace Mailkey.Agreements.Telemetry;

/// <summary>What the service counts: <c>Mailkey.Agreements</c>.</summary>
public static class AgreementsMetrics
{
    private static readonly Meter Meter = new("Mailkey.Agreements");

    private static readonly Counter<long> Callbacks = Meter.CreateCounter<long>(
        "mailkey.agreements.callbacks", "{call}", "Calls to forwarders, by what came of them: told, failed, given-up");

    private static readonly Counter<long> Questions = Meter.CreateCounter<long>(
        "mailkey.agreements.questions", "{question}", "Wishes to ask a user for consent, by what came of them: asked, not-needed, too-many-now, enough");

    public static void CountCallback(string outcome) => Callbacks.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public static void CountQuestion(string outcome) => Questions.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
}
