using System.Runtime.CompilerServices;
using Mailkey.Ledger.Events;
using Npgsql;

namespace Mailkey.Ledger.Subscriptions;

/// <summary>
/// Something that follows all events of a ledger in the order in which they happened: a read model, or what tells others about them. How
/// far it has come is stored in the same transaction as what it wrote, so its tables have seen every event once, neither less nor twice. What it does
/// outside the database it may do again after a crash.
/// </summary>
public abstract class Subscription
{
    /// <summary>Its name, for ever: the checkpoint is kept under it.</summary>
    public abstract string Name { get; }

    /// <summary>Handles the next events.</summary>
    public abstract ValueTask HandleAsync(SubscriptionPage page, CancellationToken cancellationToken);
}

/// <summary>The next events of a subscription, and the transaction that moves its checkpoint.</summary>
/// <param name="Schema">The schema whose tables are written; not always the live one, see <see cref="Projection"/>.</param>
/// <param name="Events">In order, at least one.</param>
/// <param name="Connection">To read by, within the transaction.</param>
/// <param name="Statements">What is put here runs at its end, all in one round trip.</param>
/// <param name="Streams">The streams that the events are of.</param>
public sealed record SubscriptionPage(
    string Schema, IReadOnlyList<LedgerEvent> Events, NpgsqlConnection Connection, IList<NpgsqlBatchCommand> Statements, LedgerStreams Streams);

/// <summary>Reads streams of a ledger, as far as this program knows their events.</summary>
public sealed class LedgerStreams(PostgresEventStore store, EventCatalog catalog)
{
    /// <summary>An event with its value; the value is null when a newer program wrote it.</summary>
    public LedgerEvent Decode(StoredEvent stored) => new(stored, catalog.TryDecode(stored, out var value) ? value : null);

    /// <summary>The events of a stream after a version, in order.</summary>
    public async IAsyncEnumerable<LedgerEvent> ReadAsync(string streamId, long afterVersion, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var stored in store.ReadStreamAsync(streamId, afterVersion, asOf: null, cancellationToken))
        {
            yield return Decode(stored);
        }
    }
}
