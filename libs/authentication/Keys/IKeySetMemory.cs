using System.Collections.Concurrent;

namespace Mailkey.Authentication.Keys;

/// <summary>What is remembered of a domain that once published.</summary>
/// <param name="Domain">In normal form.</param>
/// <param name="Serial">Highest serial seen; null when it never had one.</param>
/// <param name="LastSeen">When a set was last found.</param>
/// <param name="AbsentSince">When it was first found to be gone; null while it publishes.</param>
public sealed record SeenKeySet(string Domain, long? Serial, DateTimeOffset LastSeen, DateTimeOffset? AbsentSince = null);

/// <summary>
/// Remembers who published, so that a set can't be rolled back and a publisher can't vanish without notice. Asked on the mail
/// path: answers from memory, and writes behind.
/// </summary>
public interface IKeySetMemory
{
    /// <summary>What is known of a domain, or null.</summary>
    SeenKeySet? Recall(string domain);

    /// <summary>Keeps a fact in place of an older one of the domain.</summary>
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

    public void Remember(SeenKeySet seen)
    {
        if (!_seen.ContainsKey(seen.Domain))
        {
            if (Count >= capacity)
            {
                return;
            }

            if (_seen.TryAdd(seen.Domain, seen))
            {
                Interlocked.Increment(ref _count);
                return;
            }
        }

        _seen[seen.Domain] = seen;
    }

    public void Forget(string domain)
    {
        if (_seen.TryRemove(domain, out _))
        {
            Interlocked.Decrement(ref _count);
        }
    }
}
