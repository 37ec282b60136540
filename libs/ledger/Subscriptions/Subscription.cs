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
    /// <param name="schema">The schema whose tables are written; not always the live one, see <see cref="Projection"/>.</param>
    /// <param name="events">In order, at least one.</param>
    /// <param name="statements">What is put here runs in the transaction that moves the checkpoint.</param>
    public abstract ValueTask HandleAsync(string schema, IReadOnlyList<LedgerEvent> events, IList<NpgsqlBatchCommand> statements, CancellationToken cancellationToken);
}
