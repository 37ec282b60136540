using Mailkey.Ledger.Chain;

namespace Mailkey.Ledger.Events;

/// <summary>
/// Streams whose events add up to a state, and decisions made on that state: read, fold, decide, append; and again when somebody else was
/// faster. Every event is bound to the one before it.
/// </summary>
/// <param name="initial">State of a stream without events.</param>
/// <param name="evolve">State after one more event; pure.</param>
public sealed class Aggregates<TState>(IEventStore store, EventCatalog catalog, TState initial, Func<TState, object, TState> evolve, TimeProvider time)
{
    /// <summary>Decisions on one stream at the same time that one caller bears before it gives up.</summary>
    private const int MaxAttempts = 10;

    /// <summary>Reads a stream.</summary>
    /// <param name="asOf">As it was then; null: as it is.</param>
    /// <exception cref="UnknownEventException">A newer program wrote to it: whoever decides must not overlook what it can't read.</exception>
    public async Task<Stream<TState>> LoadAsync(string streamId, DateTimeOffset? asOf, CancellationToken cancellationToken)
    {
        var stream = new Stream<TState>(streamId, 0, EventChain.Origin, initial);
        await foreach (var stored in store.ReadStreamAsync(streamId, 0, asOf, cancellationToken))
        {
            var value = catalog.TryDecode(stored, out var known) ? known : throw new UnknownEventException(stored);
            stream = stream with { Version = stored.Version, State = evolve(stream.State, value) };
            if (EventHeaders.Read(stored.Headers)?.Hash is { } hash)
            {
                stream = stream with { Hash = Convert.FromBase64String(hash) };
            }
        }

        return stream;
    }

    /// <summary>Decides on a stream, and appends what was decided.</summary>
    /// <param name="decide">
    /// Gives the events, none for "nothing to do", and whatever the caller wants to know. Called again, with the new state, when somebody else
    /// appended meanwhile; so it must be pure.
    /// </param>
    /// <param name="actor">Who does it; see <see cref="EventHeaders.Actor"/>.</param>
    /// <param name="cause">What it answers to.</param>
    /// <returns>The stream as it is now, and what the decision said.</returns>
    /// <exception cref="ContentionException">Too many others decide on this stream at the same time.</exception>
    public async Task<(Stream<TState> Stream, TResult Result)> DecideAsync<TResult>(
        string streamId, Func<TState, (IReadOnlyList<object> Events, TResult Result)> decide, string actor, string? cause, CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            var stream = await LoadAsync(streamId, asOf: null, cancellationToken);
            var (events, result) = decide(stream.State);
            if (events.Count == 0)
            {
                return (stream, result);
            }

            var now = time.GetUtcNow();
            var (bound, hash) = EventChain.Bind(
                stream.Hash, stream.Version, [.. events.Select(e => catalog.Encode(e, Guid.CreateVersion7(now), streamId, now))], actor, cause);
            if (await store.AppendAsync(streamId, stream.Version, bound, cancellationToken) == AppendResult.Appended)
            {
                return (new(streamId, stream.Version + events.Count, hash, events.Aggregate(stream.State, evolve)), result);
            }
        }

        throw new ContentionException(streamId);
    }
}

/// <summary>Too many decide on one stream at the same time; later it may work.</summary>
public sealed class ContentionException(string streamId) : Exception($"Too many changes of {streamId} at the same time; try again.");

/// <summary>An event of a type that this program does not know.</summary>
public sealed class UnknownEventException(StoredEvent stored)
    : Exception($"Event {stored.Version} of {stored.StreamId} is a \"{stored.Type}\", which this version of the program does not know; run the newer one.");
