using System.Net;
using Mailkey.Networks;

namespace Mailkey.Agreements.Organizations;

/// <summary>
/// What counts as one network: 256 addresses of IPv4, and 48 bits of IPv6, which is what one customer gets and so what costs an attacker nothing.
/// </summary>
public static class NetworkPrefix
{
    private const int Ipv4Bits = 24;
    private const int Ipv6Bits = 48;

    /// <summary>The network of an address, as <c>192.0.2.0/24</c> or <c>2001:db8::/48</c>.</summary>
    public static string Of(IPAddress address) => AddressPrefix.Of(address, Ipv4Bits, Ipv6Bits).ToString();

    /// <summary>Whether a text is the form that <see cref="Of"/> gives.</summary>
    public static bool IsNormal(string? text) =>
        text is not null && text.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash && IPAddress.TryParse(text.AsSpan(0, slash), out var address) && Of(address) == text;
}
