using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Evidence;

/// <summary>
/// Counts how often a good DKIM signature comes, each time for other recipients. DKIM does not bind a message to its recipients, so
/// whoever has one signed message can send it to a million people; that a signature comes often is all there is to see of it.
/// Thread-safe; the memory of this process alone.
/// </summary>
/// <remarks>
/// Two generations, each of half a day or half the entries, whichever ends first. So a count covers half a day to a day, less
/// under a flood of signed mail, and memory is bounded whatever comes.
/// </remarks>
public sealed class SignatureSightings(IOptions<MailkeyOptions> options, TimeProvider time)
{
    private static readonly TimeSpan GenerationAge = TimeSpan.FromHours(12);

    private readonly int generationSize = options.Value.Dkim.SeenEntries / 2;
    private readonly Lock turn = new();
    private Generation current = new(time.GetUtcNow());
    private Generation? previous;

    /// <summary>Deliveries that are remembered.</summary>
    public int Remembered
    {
        get
        {
            lock (turn)
            {
                return current.Deliveries.Count + (previous?.Deliveries.Count ?? 0);
            }
        }
    }

    /// <summary>Notes a delivery.</summary>
    /// <param name="signature">What the signature is known by.</param>
    /// <param name="recipients">What the set of recipients is known by: who tries again after a 4yz reply is not counted again.</param>
    /// <returns>The deliveries seen, this one included; null when nothing is counted.</returns>
    public int? Note(UInt128 signature, UInt128 recipients)
    {
        if (generationSize == 0)
        {
            return null;
        }

        lock (turn)
        {
            var now = time.GetUtcNow();
            if (current.Deliveries.Count >= generationSize || now - current.Began >= GenerationAge)
            {
                previous = now - current.Began >= 2 * GenerationAge ? null : current;
                current = new(now);
            }

            var delivery = (signature, recipients);
            if (previous?.Deliveries.Contains(delivery) != true && current.Deliveries.Add(delivery))
            {
                current.Counts[signature] = current.Counts.GetValueOrDefault(signature) + 1;
            }

            return current.Counts.GetValueOrDefault(signature) + (previous?.Counts.GetValueOrDefault(signature) ?? 0);
        }
    }

    private sealed class Generation(DateTimeOffset began)
    {
        public DateTimeOffset Began { get; } = began;

        public Dictionary<UInt128, int> Counts { get; } = [];

        public HashSet<(UInt128 Signature, UInt128 Recipients)> Deliveries { get; } = [];
    }
}
