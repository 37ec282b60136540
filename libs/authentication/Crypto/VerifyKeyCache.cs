using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Mailkey.Authentication.Keys;

namespace Mailkey.Authentication.Crypto;

/// <summary>
/// Keys that were imported before, found by their material: importing an RSA key takes six times as long as verifying with it.
/// Holds a bounded number; thread-safe.
/// </summary>
/// <remarks>
/// When full, the keys not used since the last time it was full go first (second chance). What goes is left to the garbage
/// collector, since a verification may still be under way with it.
/// </remarks>
public sealed class VerifyKeyCache
{
    /// <summary>Keys of the senders of some days; about 3 kB each for RSA.</summary>
    public const int DefaultCapacity = 10_000;

    private readonly ConcurrentDictionary<Material, Entry> entries = new();
    private readonly Lock trimming = new();
    private readonly int capacity;
    private readonly int minRsaBits;

    public VerifyKeyCache(int capacity = DefaultCapacity)
        : this(capacity, VerifyKey.MinRsaBits)
    {
    }

    /// <param name="minRsaBits">The shortest RSA key that is taken.</param>
    public VerifyKeyCache(int capacity, int minRsaBits)
    {
        this.capacity = capacity;
        this.minRsaBits = minRsaBits;
    }

    /// <summary>How many keys are held.</summary>
    public int Count => entries.Count;

    /// <summary>The imported form of a published key; an unusable key is not kept, as refusing it costs nothing.</summary>
    /// <param name="error">One ASCII line.</param>
    public bool TryGet(PublishedKey published, [NotNullWhen(true)] out VerifyKey? key, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(published);
        var good = TryGet(published.Type, published.Material, out key, out var defect);
        error = good ? null : defect.Message;
        return good;
    }

    /// <inheritdoc cref="TryGet(PublishedKey, out VerifyKey?, out string?)"/>
    /// <param name="octets">32 raw octets of Ed25519, or SubjectPublicKeyInfo of RSA.</param>
    public bool TryGet(KeyType type, ReadOnlyMemory<byte> octets, [NotNullWhen(true)] out VerifyKey? key, out KeyDefect defect)
    {
        defect = default;
        var material = new Material(type, octets);
        if (entries.TryGetValue(material, out var entry))
        {
            entry.Used = true;
            key = entry.Key;
            return true;
        }

        if (!VerifyKey.TryImport(type, octets.Span, minRsaBits, out key, out defect))
        {
            return false;
        }

        if (entries.Count >= capacity)
        {
            Trim();
        }

        entries.TryAdd(material with { Octets = octets.ToArray() }, new Entry(key));
        return true;
    }

    private void Trim()
    {
        lock (trimming)
        {
            if (entries.Count < capacity)
            {
                return;
            }

            // A tenth at a time, so that a sender of ever new keys makes us walk through the cache rarely.
            var surplus = entries.Count - capacity + Math.Max(1, capacity / 10);
            foreach (var (material, entry) in entries)
            {
                if (surplus > 0 && !entry.Used && entries.TryRemove(material, out _))
                {
                    surplus--;
                }

                entry.Used = false;
            }

            using var rest = entries.GetEnumerator();
            for (; surplus > 0 && rest.MoveNext(); surplus--)
            {
                entries.TryRemove(rest.Current.Key, out _);
            }
        }
    }

    private sealed class Entry(VerifyKey key)
    {
        public VerifyKey Key { get; } = key;

        public bool Used { get; set; }
    }

    private readonly record struct Material(KeyType Type, ReadOnlyMemory<byte> Octets)
    {
        public bool Equals(Material other) => Type == other.Type && Octets.Span.SequenceEqual(other.Octets.Span);

        public override int GetHashCode()
        {
            HashCode hash = default;
            hash.AddBytes(Octets.Span);
            return hash.ToHashCode();
        }
    }
}
