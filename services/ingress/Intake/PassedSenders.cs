using Mailkey.Contracts;

namespace Mailkey.Ingress.Intake;

/// <summary>
/// Which clients' last message for a domain was accepted. The next one most likely is too, so its content may be stored while
/// its verdict is made. A table of fixed size without locks: a sender whose place another took is one that is not known.
/// </summary>
internal sealed class PassedSenders
{
    private const int Places = 16 * 1024;

    private readonly int[] places = new int[Places];

    public bool Contains(ConnectionFacts connection, Envelope envelope)
    {
        var key = KeyOf(connection, envelope);
        return Volatile.Read(ref places[key & (Places - 1)]) == key;
    }

    /// <summary>Notes how a message ended.</summary>
    public void Note(ConnectionFacts connection, Envelope envelope, bool isAccepted)
    {
        var key = KeyOf(connection, envelope);
        ref var place = ref places[key & (Places - 1)];
        if (isAccepted)
        {
            Volatile.Write(ref place, key);
        }
        else
        {
            Interlocked.CompareExchange(ref place, 0, key);
        }
    }

    // Seeded anew in each process, so nobody can choose names that meet in one place. Zero is an empty place.
    private static int KeyOf(ConnectionFacts connection, Envelope envelope)
    {
        var domain = envelope.ReversePath.AsSpan(envelope.ReversePath.LastIndexOf('@') + 1);
        var key = HashCode.Combine(connection.ClientAddress, string.GetHashCode(domain, StringComparison.OrdinalIgnoreCase));
        return key == 0 ? 1 : key;
    }
}
