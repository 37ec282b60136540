using Mailkey.Contracts.Agreements;
using Mailkey.Dns;
using Mailkey.Hosting.Options;

namespace Mailkey.Messaging.Agreements;

/// <summary>
/// The answers that one process keeps. An agreement is reached by several keys and forgotten under all of them at once: each entry but the
/// first is good only as long as the entry of its agreement's id is the one it was made beside.
/// </summary>
internal sealed class AgreementMemory(AgreementsSmtpOptions options, TimeProvider time)
{
    private readonly ClockCache<string, Entry> _entries = new(options.CacheEntries, time);
    private readonly Lock _writing = new();
    private long _epoch;

    /// <summary>Grows with everything that is forgotten. What was asked for in an earlier epoch may be out of date when it comes.</summary>
    public long Epoch => Volatile.Read(ref _epoch);

    public AgreementFound? Recall(string key)
    {
        if (!_entries.TryGet(key, out var entry, out _))
        {
            return null;
        }

        if (entry.IdKey is not null && (!_entries.TryGet(entry.IdKey, out var owner, out _) || !ReferenceEquals(owner.Stamp, entry.Stamp)))
        {
            return null;
        }

        // The end of an agreement is known beforehand and comes without a message.
        var found = entry.Found;
        return found.Agreement?.ValidUntil <= time.GetUtcNow() || found.Credential?.ValidUntil <= time.GetUtcNow() ? null : found;
    }

    /// <summary>Keeps an answer, unless something was forgotten since it was asked for.</summary>
    public void Keep(AgreementFound found, long askedIn)
    {
        lock (_writing)
        {
            if (askedIn != _epoch)
            {
                return;
            }

            if (found.Agreement is not { } agreement)
            {
                _entries.Put(found.Key, new(found, null, new object()), found.IsForwarder ? options.CacheTime : options.NegativeCacheTime);
                return;
            }

            var lifetime = Lifetime(found);
            var idKey = AgreementKey.OfId(agreement.Id);
            var isKnown = _entries.TryGet(idKey, out var owner, out _);
            var stamp = isKnown ? owner!.Stamp : new object();
            if (!string.Equals(found.Key, idKey, StringComparison.Ordinal))
            {
                _entries.Put(found.Key, new(found, idKey, stamp), lifetime);
                if (isKnown)
                {
                    return;
                }

                found = new() { Key = idKey, Agreement = agreement };
            }

            _entries.Put(idKey, new(found, null, stamp), lifetime);
        }
    }

    public void Forget(AgreementsChanged changed)
    {
        lock (_writing)
        {
            Volatile.Write(ref _epoch, _epoch + 1);
            foreach (var id in changed.AgreementIds)
            {
                _entries.Expire(AgreementKey.OfId(id));
            }

            foreach (var key in changed.Keys)
            {
                _entries.Expire(key);
            }
        }
    }

    private TimeSpan Lifetime(AgreementFound found)
    {
        var lifetime = options.CacheTime;
        var now = time.GetUtcNow();
        foreach (var end in (ReadOnlySpan<DateTimeOffset?>)[found.Agreement?.ValidUntil, found.Credential?.ValidUntil])
        {
            if (end is { } until && until - now < lifetime)
            {
                lifetime = until - now;
            }
        }

        return lifetime;
    }

    /// <param name="IdKey">The key of the agreement's id, which this entry depends on; null for entries that depend on nothing.</param>
    private sealed record Entry(AgreementFound Found, string? IdKey, object Stamp);
}
