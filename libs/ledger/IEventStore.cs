namespace Mailkey.Ledger;

/// <summary>
/// Streams of events. What an implementation has to do is written down as tests in <c>tests/ledger/EventStoreContract.cs</c>.
/// </summary>
public interface IEventStore
{
    /// <summary>Appends to one stream if it is at the expected version; one round trip.</summary>
    /// <param name="streamId">The stream that all the events name.</param>
    /// <param name="expectedVersion">Version of the last event that the decision was made on; 0 for a stream that must not exist yet.</param>
    /// <param name="events">At least one; all are stored or none.</param>
    Task<AppendResult> AppendAsync(string streamId, long expectedVersion, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken);

    /// <summary>
    /// Appends to many streams, whatever their versions, in one transaction. Events of one stream keep their order; events whose id is
    /// stored already are left out, so that a batch may safely be appended again.
    /// </summary>
    /// <returns>How many events were new.</returns>
    Task<int> AppendBatchAsync(IReadOnlyList<NewEvent> events, CancellationToken cancellationToken);

    /// <summary>Reads a stream in order; empty when there is no such stream.</summary>
    /// <param name="streamId">The stream.</param>
    /// <param name="afterVersion">Leaves out the events up to this version; 0 reads all.</param>
    /// <param name="asOf">Leaves out what happened later; null reads all.</param>
    IAsyncEnumerable<StoredEvent> ReadStreamAsync(string streamId, long afterVersion, DateTimeOffset? asOf, CancellationToken cancellationToken);

    /// <summary>
    /// Reads a page of all streams in the order of positions. An append that is under way is never skipped: its events, and later
    /// ones, come with a later call.
    /// </summary>
    /// <param name="afterPosition">Position of the last event of the page before; 0 for the first page.</param>
    /// <param name="pageSize">Events at most.</param>
    Task<IReadOnlyList<StoredEvent>> ReadAllAsync(long afterPosition, int pageSize, CancellationToken cancellationToken);

    /// <summary>
    /// The position up to which everything is committed that ever will be: what is read up to here is whole.
    /// 0 while there is no event.
    /// </summary>
    Task<long> SafePositionAsync(CancellationToken cancellationToken);

    /// <summary>Reads all streams in the order of positions, without end of page: for long replays of what is settled.</summary>
    /// <param name="afterPosition">Position of the last event that is known; 0 reads from the first.</param>
    /// <param name="upToPosition">The last position to read; at most what <see cref="SafePositionAsync"/> said.</param>
    IAsyncEnumerable<StoredEvent> ReadRangeAsync(long afterPosition, long upToPosition, CancellationToken cancellationToken);

    /// <summary>Removes streams with their events, for retention and erasure.</summary>
    /// <returns>How many events were removed.</returns>
    Task<int> DeleteStreamsAsync(IReadOnlyCollection<string> streamIds, CancellationToken cancellationToken);
}
