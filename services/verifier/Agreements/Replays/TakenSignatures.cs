using System.Runtime.InteropServices;

namespace Mailkey.Verifier.Agreements.Replays;

/// <summary>
/// How often each signature was taken for each recipient. A message is counted while it is judged, and goes on to be when it is accepted:
/// neither do copies that come at the same time all pass, nor does one that was told to come again count. Thread-safe.
/// </summary>
/// <remarks>
/// Two generations, each of the time of the memory or of half of the entries, whichever ends first. So what was taken is known for that time at
/// least, and less only where more is taken than there is room for; strangers can't take up room, since only good signatures of forwarders do.
/// What was taken once here is not written anywhere: it is what happens to nearly all mail. From the second time on others are told.
/// </remarks>
public sealed class TakenSignatures(int entries, TimeSpan memory, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly HashSet<UInt128> _changed = [];
    private Dictionary<UInt128, Entry> _current = [];
    private Dictionary<UInt128, Entry>? _previous;
    private DateTimeOffset _began = time.GetUtcNow();

    /// <summary>Signatures and days that are remembered.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _current.Count + (_previous?.Count ?? 0);
            }
        }
    }

    /// <summary>Takes a message, unless it has come too often.</summary>
    /// <param name="signatures">What its good signatures are known by, each with the recipient.</param>
    /// <param name="day">What all repetitions of this day are counted by.</param>
    /// <param name="repetitions">How often each signature may come again.</param>
    /// <param name="onOneDay">How many repetitions there may be on the day.</param>
    /// <returns>What has to be settled when the message has been judged; null: it is one too many.</returns>
    public UInt128[]? Take(ReadOnlySpan<UInt128> signatures, UInt128 day, int repetitions, int onOneDay)
    {
        lock (_gate)
        {
            Rotate();
            var most = 0;
            foreach (var signature in signatures)
            {
                most = Math.Max(most, Find(signature).Total);
            }

            var isRepetition = most > 0;
            if (most > repetitions || (isRepetition && Find(day).Total >= onOneDay))
            {
                return null;
            }

            UInt128[] taken = isRepetition ? [.. signatures, day] : [.. signatures];
            foreach (var key in taken)
            {
                Find(key).UnderWay++;
            }

            return taken;
        }
    }

    /// <summary>Ends what <see cref="Take"/> began.</summary>
    /// <param name="accepted">Whether the message is accepted; else it may come again as if it had never come.</param>
    public void Settle(UInt128[] taken, bool accepted)
    {
        lock (_gate)
        {
            foreach (var key in taken)
            {
                ref var entry = ref Find(key);
                entry.UnderWay = Math.Max(0, entry.UnderWay - 1);
                if (accepted)
                {
                    entry.Unwritten++;
                    if (entry.Shared + entry.Unwritten > 1)
                    {
                        _changed.Add(key);
                    }
                }
                else if (entry.Total == 0)
                {
                    _current.Remove(key);
                }
            }
        }
    }

    /// <summary>What others don't know yet, at most so many.</summary>
    public List<(UInt128 Key, int Taken)> Unwritten(int most)
    {
        lock (_gate)
        {
            List<(UInt128, int)> unwritten = [];
            List<UInt128>? forgotten = null;
            foreach (var key in _changed)
            {
                if (unwritten.Count == most)
                {
                    break;
                }

                if (_current.TryGetValue(key, out var entry) || _previous?.TryGetValue(key, out entry) is true)
                {
                    unwritten.Add((key, entry.Unwritten));
                }
                else
                {
                    (forgotten ??= []).Add(key);
                }
            }

            foreach (var key in forgotten ?? [])
            {
                _changed.Remove(key);
            }

            return unwritten;
        }
    }

    /// <summary>Notes that others have been told.</summary>
    /// <param name="written">How many of what was taken here.</param>
    public void Written(UInt128 key, int written)
    {
        lock (_gate)
        {
            ref var entry = ref Find(key);
            entry.Unwritten = Math.Max(0, entry.Unwritten - written);
            entry.Shared += written;
            if (entry.Unwritten == 0)
            {
                _changed.Remove(key);
            }
        }
    }

    /// <summary>Notes what all verifiers together have taken.</summary>
    public void Learn(UInt128 key, int taken)
    {
        lock (_gate)
        {
            Rotate();
            ref var entry = ref Find(key);
            entry.Shared = Math.Max(entry.Shared, taken);
            if (entry.Unwritten > 0)
            {
                _changed.Add(key);
            }
        }
    }

    // What is asked for again is remembered for longer.
    private ref Entry Find(UInt128 key)
    {
        ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_current, key, out var exists);
        if (!exists && _previous?.Remove(key, out var older) is true)
        {
            entry = older;
        }

        return ref entry;
    }

    private void Rotate()
    {
        var age = time.GetUtcNow() - _began;
        if (age < memory && _current.Count < entries / 2)
        {
            return;
        }

        _previous = age < 2 * memory ? _current : null;
        _current = [];
        _began = time.GetUtcNow();
    }

    private struct Entry
    {
        /// <summary>Taken by all verifiers, as far as it is known here.</summary>
        public int Shared;

        /// <summary>Taken here, and not told to others.</summary>
        public int Unwritten;

        /// <summary>Being judged here.</summary>
        public int UnderWay;

        public readonly int Total => Shared + Unwritten + UnderWay;
    }
}
