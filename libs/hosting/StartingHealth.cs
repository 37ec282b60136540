using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Mailkey.Hosting;

/// <summary>
/// Whether it is worth a line in the log that a health check failed. A service that starts is not ready, and is asked often whether
/// it is: that is no failure, until it takes too long.
/// </summary>
internal sealed class StartingHealth(TimeProvider time)
{
    /// <summary>Time in which all that a service needs comes up.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly long started = time.GetTimestamp();
    private volatile bool hasBeenReady;

    public bool IsWorthLogging => hasBeenReady || time.GetElapsedTime(started) > Patience;

    /// <summary>Writes the answer of <c>/health/ready</c>, and remembers the first good one.</summary>
    public Task WriteAsync(HttpContext context, HealthReport report)
    {
        hasBeenReady |= report.Status == HealthStatus.Healthy;
        context.Response.ContentType = "text/plain";
        return context.Response.WriteAsync(report.Status.ToString(), context.RequestAborted);
    }
}
