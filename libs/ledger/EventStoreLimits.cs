namespace Mailkey.Ledger;

/// <summary>What the tables can hold.</summary>
public static class EventStoreLimits
{
    /// <summary>Characters of a stream id. An index entry must fit in a third of a page; 500 characters of four octets do.</summary>
    public const int StreamId = 500;

    /// <summary>Characters of an event type, as in Marten's table.</summary>
    public const int Type = 500;
}
