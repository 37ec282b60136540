using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Mailkey.Dns;

/// <summary>
/// Values by key, each for a time of its own, bounded by their cost. The oldest goes first unless it was used since it was last
/// looked at (the clock algorithm): a flood of keys that are asked once doesn't push out those that are asked all the time.
/// Reading takes no lock and allocates nothing.
/// </summary>
public sealed class ClockCache<TKey, TValue>(int capacity, TimeProvider time)
    where TKey : IEquatable<TKey>
    where TValue : class
{
    // Slots that may be spared for one that comes in; so a full cache of popular keys does not make an insertion long.
    private const int MaxSpared = 8;

    private readonly ConcurrentDictionary<TKey, Slot> _slots = new();
    private readonly Queue<Slot> _clock = new();
    private readonly Lock _writing = new();
    private int _cost;

    /// <summary>Sum of the costs of what is kept, expired values included until their place is needed.</summary>
    public int Cost => Volatile.Read(ref _cost);

    /// <summary>Finds a value that has not expired.</summary>
    public bool TryGet(TKey key, [NotNullWhen(true)] out TValue? value, out TimeSpan age)
    {
        value = null;
        age = TimeSpan.Zero;
        if (!_slots.TryGetValue(key, out var slot) || slot.Current is not { } entry)
        {
            return false;
        }

        age = time.GetElapsedTime(entry.Since);
        if (age >= entry.Lifetime)
        {
            return false;
        }

        slot.MarkUsed();
        value = entry.Value;
        return true;
    }

    /// <summary>Keeps a value, in place of an older one of the key.</summary>
    /// <param name="cost">1 for an ordinary value.</param>
    public void Put(TKey key, TValue value, TimeSpan lifetime, int cost = 1)
    {
        if (capacity == 0 || lifetime <= TimeSpan.Zero)
        {
            return;
        }

        var entry = new Entry(value, time.GetTimestamp(), lifetime, cost);
        lock (_writing)
        {
            if (_slots.TryGetValue(key, out var slot))
            {
                _cost += cost - slot.Current.Cost;
                slot.Current = entry;
            }
            else
            {
                slot = new(key, entry);
                _slots[key] = slot;
                _clock.Enqueue(slot);
                _cost += cost;
            }

            Shrink();
        }
    }

    /// <summary>Lets a value expire at once.</summary>
    public void Expire(TKey key)
    {
        lock (_writing)
        {
            if (_slots.TryGetValue(key, out var slot))
            {
                slot.Current = slot.Current with { Lifetime = TimeSpan.Zero };
            }
        }
    }

    private void Shrink()
    {
        var spared = 0;
        while (_cost > capacity && _clock.TryDequeue(out var slot))
        {
            if (spared < MaxSpared && slot.TakeUsed() && time.GetElapsedTime(slot.Current.Since) < slot.Current.Lifetime)
            {
                spared++;
                _clock.Enqueue(slot);
                continue;
            }

            _slots.TryRemove(slot.Key, out _);
            _cost -= slot.Current.Cost;
        }
    }

    private sealed class Slot(TKey key, Entry first)
    {
        private Entry _current = first;
        private volatile bool _used;

        public TKey Key => key;

        public Entry Current
        {
            get => Volatile.Read(ref _current);
            set => Volatile.Write(ref _current, value);
        }

        public void MarkUsed()
        {
            if (!_used)
            {
                _used = true; // written only once: a line that all cores read must not be written by all
            }
        }

        public bool TakeUsed()
        {
            var used = _used;
            _used = false;
            return used;
        }
    }

    private sealed record Entry(TValue Value, long Since, TimeSpan Lifetime, int Cost);
}
