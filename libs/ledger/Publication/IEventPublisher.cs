using Mailkey.Ledger.Events;

namespace Mailkey.Ledger.Publication;

/// <summary>Tells the world about committed events.</summary>
public interface IEventPublisher
{
    /// <summary>Returns when the world has them for good.</summary>
    /// <param name="ledger">Whose events they are: the schema of the ledger.</param>
    /// <param name="events">In the order of positions, at least one. They are the same ones again after a failure.</param>
    /// <exception cref="EventsNotPublishedException">Nobody can be told at present. Some of the events may be told nevertheless.</exception>
    Task PublishAsync(string ledger, IReadOnlyList<LedgerEvent> events, CancellationToken cancellationToken);
}

/// <summary>Nobody could be told; later it may work.</summary>
public sealed class EventsNotPublishedException(string reason, Exception? inner = null) : Exception(reason, inner);
