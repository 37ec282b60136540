using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mailkey.Hosting.Postgres;

namespace Mailkey.Ledger.Chain;

/// <summary>
/// The events of a stream, each bound to the one before it: whoever changes, removes or puts in an event has to change every hash after it.
/// The last hash of a stream, kept elsewhere, thus vouches for all of it.
/// </summary>
/// <remarks>
/// Hash of event n = SHA-256 over, one after the other: the hash of event n-1 (32 zeros before the first); then each with its length in front
/// as four octets, most significant first: stream id, version as decimal digits, type, event id in its 36 characters, time in
/// microseconds since 1970 as decimal digits, actor, cause (empty for none), event in <see cref="CanonicalJson"/>.
/// </remarks>
public static class EventChain
{
    /// <summary>Octets of a hash.</summary>
    public const int HashLength = SHA256.HashSizeInBytes;

    /// <summary>What the first event of a stream is bound to.</summary>
    public static ReadOnlyMemory<byte> Origin { get; } = new byte[HashLength];

    /// <summary>Binds events that follow each other to what is in the stream already.</summary>
    /// <param name="previous">Hash of the last event that is stored, or <see cref="Origin"/>.</param>
    /// <param name="version">Version of that event; 0 for a new stream.</param>
    /// <returns>The events with their headers, and the hash of the last.</returns>
    public static (IReadOnlyList<NewEvent> Events, ReadOnlyMemory<byte> Hash) Bind(
        ReadOnlyMemory<byte> previous, long version, IReadOnlyList<NewEvent> events, string actor, string? cause)
    {
        ArgumentNullException.ThrowIfNull(events);
        List<NewEvent> bound = new(events.Count);
        (actor, cause) = (Jsonb.ReplaceNul(actor), cause is null ? null : Jsonb.ReplaceNul(cause));
        foreach (var e in events)
        {
            // What the database can't hold must not be in the hash either.
            var data = e.Data.ToArray();
            Jsonb.ReplaceNul(data);

            // PostgreSQL keeps microseconds; the hash must not know more.
            var at = Truncate(e.At);
            var hash = Hash(previous.Span, e.StreamId, ++version, e.Type, e.Id, at, actor, cause, data);
            bound.Add(e with { At = at, Data = data, Headers = new EventHeaders { Actor = actor, Cause = cause, Hash = Convert.ToBase64String(hash) }.ToJson() });
            previous = hash;
        }

        return (bound, previous);
    }

    /// <summary>Whether an event is what was appended, in its place.</summary>
    /// <param name="previous">Hash of the event before it in the stream.</param>
    /// <param name="hash">Its own, for the next one.</param>
    /// <param name="problem">What is wrong, one line.</param>
    public static bool TryVerify(ReadOnlySpan<byte> previous, StoredEvent stored, out byte[] hash, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(stored);
        hash = [];
        problem = null;
        try
        {
            if (EventHeaders.Read(stored.Headers) is not { Hash: { } claimed } headers)
            {
                problem = "no hash";
                return false;
            }

            hash = Hash(previous, stored.StreamId, stored.Version, stored.Type, stored.Id, stored.At, headers.Actor, headers.Cause, stored.Data);
            if (!string.Equals(Convert.ToBase64String(hash), claimed, StringComparison.Ordinal))
            {
                problem = "the hash does not fit: this event, or one before it, was changed";
            }
        }
        catch (JsonException e)
        {
            problem = $"not readable: {e.Message}";
        }

        return problem is null;
    }

    private static byte[] Hash(
        ReadOnlySpan<byte> previous, string streamId, long version, string type, Guid id, DateTimeOffset at, string actor, string? cause, ReadOnlyMemory<byte> data)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(previous);
        Text(streamId);
        Text(version.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Text(type);
        Text(id.ToString("D"));
        Text(((at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond).ToString(System.Globalization.CultureInfo.InvariantCulture));
        Text(actor);
        Text(cause ?? "");
        var canonical = new ArrayBufferWriter<byte>(data.Length);
        CanonicalJson.Write(data, canonical);
        Octets(canonical.WrittenSpan);
        return sha.GetHashAndReset();

        void Text(string text) => Octets(Encoding.UTF8.GetBytes(text));

        // Lengths in front: else "ab" + "c" and "a" + "bc" were the same.
        void Octets(ReadOnlySpan<byte> octets)
        {
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(length, octets.Length);
            sha.AppendData(length);
            sha.AppendData(octets);
        }
    }

    private static DateTimeOffset Truncate(DateTimeOffset at) => at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMicrosecond)).ToUniversalTime();
}
