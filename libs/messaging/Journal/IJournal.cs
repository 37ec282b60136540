using Mailkey.Contracts.Journal;

namespace Mailkey.Messaging.Journal;

/// <summary>
/// Where services write what happens to a message. An event is a record of <c>Mailkey.Contracts.Journal</c> with a
/// <see cref="JournalEventAttribute"/>; it reaches the journal service in batches over a durable queue.
/// </summary>
public interface IJournal
{
    /// <summary>
    /// Notes an event and returns at once. While the broker is away events gather in memory; when there are too many the
    /// newest are dropped, counted, and logged. For what must not be lost there is <see cref="AppendAsync"/>.
    /// </summary>
    void Append<T>(string queueId, T journalEvent)
        where T : class;

    /// <summary>
    /// The same with an id of the caller's and the time at which it happened, for what more than one may tell: the journal keeps
    /// one event of an id.
    /// </summary>
    void Append<T>(string queueId, Guid eventId, DateTimeOffset at, T journalEvent)
        where T : class;

    /// <summary>Notes an event and returns when the broker has confirmed it; waits while the broker is away.</summary>
    ValueTask AppendAsync<T>(string queueId, T journalEvent, CancellationToken cancellationToken)
        where T : class;

    /// <summary>
    /// The same with an id of the caller's, for work that may be done twice: the journal keeps one event of an id.
    /// </summary>
    ValueTask AppendAsync<T>(string queueId, Guid eventId, T journalEvent, CancellationToken cancellationToken)
        where T : class;

    /// <summary>Returns when the broker has confirmed all that was appended before the call.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken);
}
