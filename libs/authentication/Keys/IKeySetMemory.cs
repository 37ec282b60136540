using System.Collections.Concurrent;

namespace Mailkey.Authentication.Keys;

/// <summary>What is remembered of a domain that once published.</summary>
/// <param name="Domain">In normal form.</param>
/// <param name="Serial">Highest serial seen; null when it never had one.</param>
/// <param name="LastSeen">When a set was last found and taken.</param>
/// <param name="AbsentSince">When it was first found to be gone; null while it publishes.</param>
/// <param name="RefusedSerial">The lower serial that is offered since <paramref name="RefusedSince"/>.</param>
/// <param name="RefusedSince">When a set was first refused because it is older than one seen before; null while there is none such.</param>
public sealed record SeenKeySet(
    string Domain, long? Serial, DateTimeOffset LastSeen, DateTimeOffset? AbsentSince = null, long? RefusedSerial = null, DateTimeOffset? RefusedSince = null)
{
    /// <summary>What two observers of a domain know together, whatever the order in which they tell it.</summary>
    public SeenKeySet Merge(SeenKeySet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var lastSeen = LastSeen > other.LastSeen ? LastSeen : other.LastSeen;
        var absent = Earlier(Past(AbsentSince, lastSeen), Past(other.AbsentSince, lastSeen));
        var (one, two) = (Past(RefusedSince, lastSeen), Past(other.RefusedSince, lastSeen));
        var refused = Earlier(one, two);
        return new(
            Domain,
            Serial > other.Serial || other.Serial is null ? Serial : other.Serial,
            lastSeen,
            absent,
            refused is null ? null : one == two ? Math.Min(RefusedSerial ?? 0, other.RefusedSerial ?? 0) : refused == one ? RefusedSerial : other.RefusedSerial,
            refused);
    }

    // What was noticed before a set was found and taken is over.
    private static DateTimeOffset? Past(DateTimeOffset? since, DateTimeOffset lastSeen) => since > lastSeen ? since : null;

    // A comparison with null is false: the only one, or the earlier one.
    private static DateTimeOffset? Earlier(DateTimeOffset? one, DateTimeOffset? two) => one is null || two < one ? two : one;
}

/// <summary>
/// Remembers who published, so that a set can't be rolled back and a publisher can't vanish without notice. Asked on the mail
/// path: answers from memory, and writes behind.
/// </summary>
public interface IKeySetMemory
{
    /// <summary>What is known of a domain, or null.</summary>
    SeenKeySet? Recall(string domain);

    /// <summary>Adds a fact to what is known of the domain.</summary>
    void Remember(SeenKeySet seen);

    /// <summary>Drops a domain that was absent for the whole grace period.</summary>
    void Forget(string domain);
}

/// <summary>Remembers as long as the process lives. When it is full, domains that are not known yet are not remembered.</summary>
/// <param name="capacity">Most domains. Strangers can publish for any number of names, so there has to be a bound; those known stay.</param>
public sealed class InProcessKeySetMemory(int capacity) : IKeySetMemory
{
    private readonly ConcurrentDictionary<string, SeenKeySet> _seen = new(StringComparer.Ordinal);
    private int _count;

    /// <summary>Domains that are remembered.</summary>
    public int Count => Volatile.Read(ref _count);

    public SeenKeySet? Recall(string domain) => _seen.GetValueOrDefault(domain);

    public void Remember(SeenKeySet seen) => TryRemember(seen);

    /// <summary>False when the domain is new and there is no room.</summary>
    public bool TryRemember(SeenKeySet seen)
    {
        ArgumentNullException.ThrowIfNull(seen);
        while (true)
        {
            if (_seen.TryGetValue(seen.Domain, out var known))
            {
                if (_seen.TryUpdate(seen.Domain, known.Merge(seen), known))
                {
                    return true;
                }
            }
            else if (Count >= capacity)
            {
                return false;
            }
            else if (_seen.TryAdd(seen.Domain, seen))
            {
                Interlocked.Increment(ref _count);
                return true;
            }
        }
    }

    public void Forget(string domain)
    {
        if (_seen.TryRemove(domain, out _))
        {
            Interlocked.Decrement(ref _count);
        }
    }

    /// <summary>Drops a fact, unless more is known by now.</summary>
    public void Forget(SeenKeySet fact)
    {
        ArgumentNullException.ThrowIfNull(fact);
        if (_seen.TryRemove(new(fact.Domain, fact)))
        {
            Interlocked.Decrement(ref _count);
        }
    }

    /// <summary>The facts about domains that were last seen before a time.</summary>
    public IEnumerable<SeenKeySet> LastSeenBefore(DateTimeOffset time) => _seen.Select(pair => pair.Value).Where(fact => fact.LastSeen < time);
}
