using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Mailkey.Dns;

/// <summary>What was asked: the name in lower case without the final dot, and the type.</summary>
internal readonly record struct DnsQuestion(string Name, DnsRecordType Type);

/// <summary>
/// Answers by question, bounded by the number of entries. The oldest goes first unless it was used since it was last looked at
/// (the clock algorithm): a flood of names that are asked once doesn't push out those that are asked all the time.
/// </summary>
internal sealed class DnsCache(int capacity, TimeProvider time)
{
    // An answer of up to this many octets counts as one entry, a longer one as several: names of strangers don't fill the memory.
    private const int EntryOctets = 1024;

    // Slots that may be spared for one that comes in; so a full cache of popular names does not make an insertion long.
    private const int MaxSpared = 8;

    private readonly ConcurrentDictionary<DnsQuestion, Slot> _slots = new();
    private readonly Queue<Slot> _clock = new();
    private readonly Lock _writing = new();
    private int _cost;

    /// <summary>Entries counted by size.</summary>
    public int Cost => Volatile.Read(ref _cost);

    public bool TryGet(DnsQuestion question, [NotNullWhen(true)] out DnsAnswer? answer)
    {
        answer = null;
        return _slots.TryGetValue(question, out var slot) && slot.TryGet(time, out answer);
    }

    public void Put(DnsQuestion question, DnsAnswer answer)
    {
        if (capacity == 0 || answer.TimeToLive <= TimeSpan.Zero)
        {
            return;
        }

        var entry = new Entry(answer, time.GetTimestamp(), CostOf(answer));
        lock (_writing)
        {
            if (_slots.TryGetValue(question, out var slot))
            {
                _cost += entry.Cost - slot.Replace(entry).Cost;
            }
            else
            {
                slot = new(question, entry);
                _slots[question] = slot;
                _clock.Enqueue(slot);
                _cost += entry.Cost;
            }

            Shrink();
        }
    }

    private void Shrink()
    {
        var spared = 0;
        while (_cost > capacity && _clock.TryDequeue(out var slot))
        {
            if (spared < MaxSpared && slot.TakeSecondChance(time))
            {
                spared++;
                _clock.Enqueue(slot);
                continue;
            }

            _slots.TryRemove(slot.Question, out _);
            _cost -= slot.Cost;
        }
    }

    private static int CostOf(DnsAnswer answer)
    {
        var octets = 0;
        foreach (var record in answer.Records)
        {
            octets += 64 + record.Name.Length + (record.Text?.Length ?? 0) + (record.Target?.Length ?? 0);
        }

        return 1 + (octets / EntryOctets);
    }

    private sealed class Slot(DnsQuestion question, Entry first)
    {
        private Entry _entry = first;
        private volatile bool _used;

        public DnsQuestion Question => question;
        public int Cost => _entry.Cost;

        public bool TryGet(TimeProvider time, [NotNullWhen(true)] out DnsAnswer? answer)
        {
            answer = Volatile.Read(ref _entry).At(time);
            if (answer is not null && !_used)
            {
                _used = true;
            }

            return answer is not null;
        }

        public Entry Replace(Entry entry) => Interlocked.Exchange(ref _entry, entry);

        public bool TakeSecondChance(TimeProvider time)
        {
            var spared = _used && Volatile.Read(ref _entry).At(time) is not null;
            _used = false;
            return spared;
        }
    }

    private sealed class Entry
    {
        private readonly long _since;
        private readonly TimeSpan _timeToLive;
        private DnsAnswer _aged;

        public Entry(DnsAnswer answer, long since, int cost)
        {
            (_aged, _timeToLive, _since, Cost) = (answer, answer.TimeToLive, since, cost);
        }

        public int Cost { get; }

        /// <summary>The answer with the TTL that is left in whole seconds, or null; a copy is made once a second, not for each look-up.</summary>
        public DnsAnswer? At(TimeProvider time)
        {
            var age = time.GetElapsedTime(_since);
            if (age >= _timeToLive)
            {
                return null;
            }

            var left = _timeToLive - TimeSpan.FromSeconds(Math.Floor(age.TotalSeconds));
            var aged = Volatile.Read(ref _aged);
            if (aged.TimeToLive != left)
            {
                aged = aged with { TimeToLive = left };
                Volatile.Write(ref _aged, aged);
            }

            return aged;
        }
    }
}
