namespace Mailkey.Ledger.Subscriptions;

/// <summary>
/// A read model: tables that can be thrown away and made again from the first event. It reads nothing but the events and its own tables, and
/// asks no clock: else it would come out differently the next time.
/// </summary>
public abstract class Projection : Subscription
{
    /// <summary>Its tables, without schema; it owns them, and nothing refers to them.</summary>
    public abstract IReadOnlyList<string> Tables { get; }

    /// <summary>Statements that make the tables, with the indexes that they had from the beginning, in a schema.</summary>
    public abstract string CreateTables(string schema);

    /// <summary>Statements that add the indexes that were found to be needed later; a step of migration of their own.</summary>
    public virtual string CreateIndexes(string schema) => "";
}
