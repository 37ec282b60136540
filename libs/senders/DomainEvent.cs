using Mailkey.Authentication.Keys;

namespace Mailkey.Senders;

/// <summary>A change of a publisher that somebody should know about.</summary>
/// <param name="Domain">In normal form.</param>
/// <param name="Kind">One of <see cref="DomainEventKind"/>.</param>
/// <param name="At">When it was noticed.</param>
/// <param name="Serial">Highest serial seen before; null when there never was one.</param>
/// <param name="OfferedSerial">The lower serial that was refused; of <see cref="DomainEventKind.KeySetRolledBack"/> alone.</param>
/// <param name="LastSeen">When a key set was last found and taken.</param>
public sealed record DomainEvent(string Domain, string Kind, DateTimeOffset At, long? Serial, long? OfferedSerial, DateTimeOffset LastSeen)
{
    /// <summary>What happened between two states of a domain: one event for each change, in the order of time.</summary>
    /// <param name="before">Null when the domain was not known.</param>
    public static IEnumerable<DomainEvent> Between(SeenKeySet? before, SeenKeySet after)
    {
        if (before?.AbsentSince is { } wasAbsent && after.LastSeen >= wasAbsent)
        {
            yield return new(after.Domain, DomainEventKind.PublisherReturned, after.LastSeen, after.Serial, null, after.LastSeen);
        }

        if (after.AbsentSince is { } absent && (before?.AbsentSince is null || after.LastSeen >= before.AbsentSince))
        {
            yield return new(after.Domain, DomainEventKind.PublisherVanished, absent, after.Serial, null, after.LastSeen);
        }

        if (after.RefusedSince is { } refused && (before?.RefusedSince is null || after.LastSeen >= before.RefusedSince))
        {
            yield return new(after.Domain, DomainEventKind.KeySetRolledBack, refused, after.Serial, after.RefusedSerial, after.LastSeen);
        }
    }
}

/// <summary>Names of domain events; stored, so they stay.</summary>
public static class DomainEventKind
{
    /// <summary>It published and now proves to publish nothing: an alarm, and unknown for the grace period.</summary>
    public const string PublisherVanished = "publisher-vanished";

    /// <summary>One that had vanished publishes again.</summary>
    public const string PublisherReturned = "publisher-returned";

    /// <summary>One that had vanished stayed away for the grace period: from now on it counts as one that never published.</summary>
    public const string PublisherForgotten = "publisher-forgotten";

    /// <summary>It offers a set with a lower serial than one seen before, which is refused.</summary>
    public const string KeySetRolledBack = "key-set-rolled-back";
}
