using System.Net;
using Mailkey.Networks;

namespace Mailkey.Hosting.Web;

/// <summary>Who a client of a public port is, as far as limits are concerned.</summary>
public sealed class ClientNetwork
{
    // What one customer has; RFC 6177 hands out /56.
    private const int PrefixIPv4 = 24;
    private const int PrefixIPv6 = 56;

    private readonly IPNetwork[] _proxies;

    /// <param name="trustedProxies">Addresses and networks.</param>
    public ClientNetwork(IEnumerable<string> trustedProxies) =>
        _proxies = [.. trustedProxies.Select(text => IPNetwork.TryParse(text, out var network) ? network : Single(IPAddress.Parse(text)))];

    /// <summary>Name of the network of a client, such as <c>192.0.2.0/24</c>.</summary>
    /// <param name="peer">The other end of the connection.</param>
    /// <param name="forwardedFor">Values of X-Forwarded-For, in order; believed only from trusted proxies, from the last on.</param>
    public string Of(IPAddress? peer, IEnumerable<string?> forwardedFor) =>
        AddressPrefix.Of(AddressOf(peer, forwardedFor), PrefixIPv4, PrefixIPv6).ToString();

    /// <summary>Address of a client; the same parameters.</summary>
    public IPAddress AddressOf(IPAddress? peer, IEnumerable<string?> forwardedFor)
    {
        var client = (peer ?? IPAddress.None).Unmapped();
        var chain = forwardedFor.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).ToArray();
        for (var i = chain.Length - 1; i >= 0 && IsTrusted(client) && IPAddress.TryParse(chain[i], out var before); i--)
        {
            client = before.Unmapped();
        }

        return client;
    }

    private static IPNetwork Single(IPAddress address) => new(address, address.GetAddressBytes().Length * 8);

    private bool IsTrusted(IPAddress address) => Array.Exists(_proxies, network => network.Contains(address));
}
