namespace Mailkey.Delivery.Outbound;

/// <summary>
/// Counts the connections to mail exchangers, all domains together. Whoever makes us write to many domains of his own, each with
/// a host that answers an octet a minute, would else take every socket of this process, and the mail of all others with them.
/// </summary>
/// <param name="max">Connections at the same time.</param>
internal sealed class ExchangerConnections(int max)
{
    private int _taken;

    public bool TryTake()
    {
        if (Interlocked.Increment(ref _taken) <= max)
        {
            return true;
        }

        Release();
        return false;
    }

    public void Release() => Interlocked.Decrement(ref _taken);
}
