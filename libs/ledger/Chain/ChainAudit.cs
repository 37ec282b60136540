namespace Mailkey.Ledger.Chain;

/// <summary>An event that isn't what its stream says it should be.</summary>
public sealed record ChainProblem(string StreamId, long Version, string Problem);

/// <summary>
/// Checks the chains of many streams at once, over events in the order in which they were appended. Needs as much memory as there are
/// streams, whatever the number of events.
/// </summary>
public sealed class ChainAudit
{
    private readonly Dictionary<string, (long Version, byte[] Hash)> _heads = new(StringComparer.Ordinal);
    private readonly HashSet<string> _broken = new(StringComparer.Ordinal);

    /// <summary>Events seen.</summary>
    public long Events { get; private set; }

    /// <summary>Streams seen.</summary>
    public int Streams => _heads.Count;

    /// <summary>
    /// The last hash of each sound stream, in base64, by stream. Kept elsewhere, they vouch for all of the ledger: a stream that was cut off at its
    /// end, or is gone, is seen by them alone.
    /// </summary>
    public IEnumerable<(string StreamId, long Version, string Hash)> Heads =>
        _heads.Where(head => !_broken.Contains(head.Key)).Select(head => (head.Key, head.Value.Version, Convert.ToBase64String(head.Value.Hash)));

    /// <summary>Checks the next event.</summary>
    /// <returns>What is wrong; null when nothing is. Of a stream that is broken only the first problem is told.</returns>
    public ChainProblem? Next(StoredEvent stored)
    {
        ArgumentNullException.ThrowIfNull(stored);
        Events++;
        var (version, hash) = _heads.TryGetValue(stored.StreamId, out var head) ? head : (0, EventChain.Origin.ToArray());
        string? problem = null;
        byte[] next = [];
        if (stored.Version != version + 1)
        {
            problem = $"event {version + 1} is missing";
        }
        else if (!EventChain.TryVerify(hash, stored, out next, out problem))
        {
            next = [];
        }

        _heads[stored.StreamId] = (stored.Version, next);
        return problem is not null && _broken.Add(stored.StreamId) ? new(stored.StreamId, stored.Version, problem) : null;
    }
}
