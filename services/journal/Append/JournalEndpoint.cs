using MassTransit;

namespace Mailkey.Journal.Append;

/// <summary>What both queues of the journal have in common.</summary>
internal static class JournalEndpoint
{
    /// <summary>Half of what one transaction takes, for there are two queues.</summary>
    private const int Prefetch = JournalAppender.MaxParts / 2;

    public static void Configure(IReceiveEndpointConfigurator endpoint)
    {
        endpoint.PrefetchCount = Prefetch;
        endpoint.ConcurrentMessageLimit = Prefetch;

        // For a message that is bad by itself; a database that is away is waited for by the appender.
        endpoint.UseMessageRetry(retry => retry.Intervals(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2)));
    }
}
