namespace Mailkey.Policy.State;

/// <summary>The state of one process, for a replay: messages come in the order of their times.</summary>
public sealed class MemoryPolicyState
{
    // 100 octets each. A replay over more keys than this forgets those that expire first, as the verifier's table does.
    private const int MaxEntries = 2_000_000;

    private readonly Dictionary<StateKey, StateEntry> _entries = [];

    public int Count => _entries.Count;

    /// <summary>Asks in order and stops at the first query that is refused; those behind it are not touched.</summary>
    /// <returns>Null when all pass.</returns>
    public StateRefusal? Ask(IReadOnlyList<StateQuery> queries)
    {
        for (var i = 0; i < queries.Count; i++)
        {
            DateTimeOffset? latest = null;
            foreach (var key in queries[i].Keys)
            {
                StateEntry? known = _entries.TryGetValue(key, out var entry) ? entry : null;
                _entries[key] = StateEntry.After(known, queries[i], out var retryAt);
                latest = retryAt > latest || latest is null ? retryAt ?? latest : latest;
            }

            if (_entries.Count > MaxEntries)
            {
                Shrink(queries[i].Now);
            }

            if (latest is { } refusedUntil)
            {
                return new(i, refusedUntil);
            }
        }

        return null;
    }

    private void Shrink(DateTimeOffset now)
    {
        var expiries = _entries.Values.Select(entry => entry.ExpiresAt).Order().ToList();
        var cut = expiries[expiries.Count / 10];
        cut = cut > now ? cut : now;
        foreach (var (key, entry) in _entries)
        {
            if (entry.ExpiresAt <= cut)
            {
                _entries.Remove(key);
            }
        }
    }
}
