using System.Buffers;
using System.Globalization;
using System.Net;
using Mailkey.Networks;

namespace Mailkey.Policy;

/// <summary>Networks in CIDR form (RFC 4632, RFC 4291 §2.3). A look-up costs one hash for each prefix length that occurs.</summary>
internal sealed class NetworkSet
{
    private static readonly SearchValues<char> AddressCharacters = SearchValues.Create("0123456789abcdefABCDEF:.");

    private readonly Dictionary<int, HashSet<UInt128>> _ipv4 = [];
    private readonly Dictionary<int, HashSet<UInt128>> _ipv6 = [];

    public int Count { get; private set; }

    /// <summary>Adds <c>192.0.2.0/24</c>, <c>2001:db8::/32</c> or a single address.</summary>
    /// <returns>Null, or what is wrong.</returns>
    public string? Add(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? text : text[..slash];

        // IPAddress.Parse takes "1" and "0x7f.1" for addresses, and zones of IPv6.
        if (!IPAddress.TryParse(host, out var parsed) || host.AsSpan().ContainsAnyExcept(AddressCharacters)
            || (!host.Contains(':', StringComparison.Ordinal) && host.AsSpan().Count('.') != 3))
        {
            return "is no network; expected an address or CIDR such as 192.0.2.0/24 or 2001:db8::/32";
        }

        var address = AddressPrefix.Of(parsed);
        var prefix = address.Width;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out prefix) || prefix > address.Width))
        {
            return string.Create(CultureInfo.InvariantCulture, $"has no prefix length from 0 to {address.Width} behind its slash");
        }

        var network = address.Shortened(prefix);
        if (network.Bits != address.Bits)
        {
            return $"has bits set behind its prefix; expected the first address of the network";
        }

        var family = address.IsIPv4 ? _ipv4 : _ipv6;
        if (!family.TryGetValue(prefix, out var networks))
        {
            family.Add(prefix, networks = []);
        }

        Count += networks.Add(network.Bits) ? 1 : 0;
        return null;
    }

    public bool Contains(AddressPrefix address)
    {
        foreach (var (prefix, networks) in address.IsIPv4 ? _ipv4 : _ipv6)
        {
            if (networks.Contains(address.Shortened(prefix).Bits))
            {
                return true;
            }
        }

        return false;
    }
}
