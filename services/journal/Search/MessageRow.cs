namespace Mailkey.Journal.Search;

/// <summary>A line of the search table, or what one event contributes to it.</summary>
internal sealed record MessageRow
{
    public required string QueueId { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>Time of the event that <see cref="State"/> comes from.</summary>
    public required DateTimeOffset LastAt { get; init; }

    /// <summary>accepted, refused, delivered, deferred, failed: what happened last, to whichever recipient.</summary>
    public required string State { get; init; }

    public string? MessageId { get; init; }
    public string? ReversePath { get; init; }

    /// <summary>Reverse-path and forward-paths as <see cref="Searchable"/>; null when the event does not say.</summary>
    public IReadOnlyList<string>? Addresses { get; init; }

    /// <summary>
    /// Lower case, although RFC 5321 §2.4 lets local-parts differ by case alone: whoever searches does not know how it was written.
    /// </summary>
    public static string Searchable(string address) => address.ToLowerInvariant();

    /// <summary>The line after both events; either may have come first.</summary>
    public MessageRow Merge(MessageRow other) => this with
    {
        ReceivedAt = other.ReceivedAt < ReceivedAt ? other.ReceivedAt : ReceivedAt,
        LastAt = other.LastAt >= LastAt ? other.LastAt : LastAt,
        State = other.LastAt >= LastAt ? other.State : State,
        MessageId = MessageId ?? other.MessageId,
        ReversePath = ReversePath ?? other.ReversePath,
        Addresses = Addresses ?? other.Addresses,
    };
}
