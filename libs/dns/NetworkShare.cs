using System.Runtime.InteropServices;

namespace Mailkey.Dns;

/// <summary>
/// Counts what is under way by <see cref="AskingNetwork"/>, and lets none have more than its share: who sends mail of a thousand domains
/// with slow name servers keeps nobody else from being looked up. Thread-safe.
/// </summary>
/// <param name="most">At the same time for one network.</param>
public sealed class NetworkShare(int most)
{
    private readonly Dictionary<AskingNetwork, int> _underWay = [];
    private readonly Lock _gate = new();

    /// <summary>Networks that have something under way.</summary>
    public int Networks
    {
        get
        {
            lock (_gate)
            {
                return _underWay.Count;
            }
        }
    }

    /// <summary>Takes a place, which <see cref="Leave"/> gives back. What is for no network is not limited.</summary>
    public bool TryEnter(AskingNetwork? network)
    {
        if (network is null)
        {
            return true;
        }

        lock (_gate)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_underWay, network, out _);
            if (count >= most)
            {
                return false;
            }

            count++;
            return true;
        }
    }

    public void Leave(AskingNetwork? network)
    {
        if (network is null)
        {
            return;
        }

        lock (_gate)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_underWay, network, out _);
            if (--count <= 0)
            {
                _underWay.Remove(network);
            }
        }
    }
}
