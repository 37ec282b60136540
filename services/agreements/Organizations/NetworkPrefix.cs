using System.Net;
using System.Net.Sockets;

namespace Mailkey.Agreements.Organizations;

/// <summary>
/// What counts as one network: 256 addresses of IPv4, and 48 bits of IPv6, which is what one customer gets and so what costs an attacker nothing.
/// </summary>
public static class NetworkPrefix
{
    private const int Ipv4Bits = 24;
    private const int Ipv6Bits = 48;

    /// <summary>The network of an address, as <c>192.0.2.0/24</c> or <c>2001:db8::/48</c>.</summary>
    public static string Of(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        var octets = plain.GetAddressBytes();
        var bits = plain.AddressFamily == AddressFamily.InterNetwork ? Ipv4Bits : Ipv6Bits;
        octets.AsSpan(bits / 8).Clear();
        return $"{new IPAddress(octets)}/{bits}";
    }

    /// <summary>Whether a text is the form that <see cref="Of"/> gives.</summary>
    public static bool IsNormal(string? text) =>
        text is not null && text.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash && IPAddress.TryParse(text.AsSpan(0, slash), out var address) && Of(address) == text;
}
