using System.Diagnostics.Metrics;
using System.Globalization;

namespace Mailkey.Status.Telemetry;

/// <summary>What is counted: <c>Mailkey.Status</c>.</summary>
internal static class StatusMetrics
{
    private static readonly Meter Meter = new("Mailkey.Status");

    private static readonly Counter<long> Requests = Meter.CreateCounter<long>(
        "mailkey.status.requests", "{request}", "Requests to the public page, by status code and whether it asked for a look at a domain");

    public static void Count(int status, bool check) => Requests.Add(
        1, new KeyValuePair<string, object?>("status", status.ToString(CultureInfo.InvariantCulture)), new KeyValuePair<string, object?>("check", check));
}
