using System.Net;
using System.Net.Sockets;
using Mailkey.Networks;

namespace Mailkey.Authentication.Keys;

/// <summary>Which addresses a request made on a stranger's word may go to.</summary>
public static class PublicAddress
{
    // Of the IANA special-purpose registries (RFC 6890): everything that is not globally reachable unicast.
    private static readonly IPNetwork[] NotPublic4 =
    [
        IPNetwork.Parse("0.0.0.0/8"), // this network (RFC 791)
        IPNetwork.Parse("10.0.0.0/8"), // private (RFC 1918)
        IPNetwork.Parse("100.64.0.0/10"), // shared by carriers (RFC 6598)
        IPNetwork.Parse("127.0.0.0/8"), // loopback (RFC 1122)
        IPNetwork.Parse("169.254.0.0/16"), // link-local (RFC 3927): metadata of clouds too
        IPNetwork.Parse("172.16.0.0/12"), // private (RFC 1918)
        IPNetwork.Parse("192.0.0.0/24"), // protocol assignments (RFC 6890)
        IPNetwork.Parse("192.0.2.0/24"), // documentation (RFC 5737)
        IPNetwork.Parse("192.88.99.0/24"), // 6to4 relays (RFC 7526)
        IPNetwork.Parse("192.168.0.0/16"), // private (RFC 1918)
        IPNetwork.Parse("198.18.0.0/15"), // benchmarks (RFC 2544)
        IPNetwork.Parse("198.51.100.0/24"), // documentation (RFC 5737)
        IPNetwork.Parse("203.0.113.0/24"), // documentation (RFC 5737)
        IPNetwork.Parse("224.0.0.0/4"), // multicast (RFC 5771)
        IPNetwork.Parse("240.0.0.0/4"), // reserved, and limited broadcast (RFC 1112, RFC 919)
    ];

    // Only 2000::/3 is handed out as global unicast (RFC 4291 §2.4); within it these are not.
    private static readonly IPNetwork Global6 = IPNetwork.Parse("2000::/3");

    private static readonly IPNetwork[] NotPublic6 =
    [
        IPNetwork.Parse("2001::/23"), // protocol assignments, Teredo (RFC 2928, RFC 4380)
        IPNetwork.Parse("2001:db8::/32"), // documentation (RFC 3849)
        IPNetwork.Parse("3fff::/20"), // documentation (RFC 9637)
    ];

    // Addresses that stand for an IPv4 address are judged by that one.
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16"); // RFC 3056: octets 2 to 5
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96"); // RFC 6052: octets 12 to 15

    /// <summary>Whether an address is public unicast.</summary>
    public static bool IsPublicUnicast(IPAddress address)
    {
        address = address.Unmapped();
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return !Array.Exists(NotPublic4, network => network.Contains(address));
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6 || address.ScopeId != 0)
        {
            return false;
        }

        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out _);
        if (SixToFour.Contains(address))
        {
            return IsPublicUnicast(new IPAddress(octets.Slice(2, 4)));
        }

        if (Nat64.Contains(address))
        {
            return IsPublicUnicast(new IPAddress(octets.Slice(12, 4)));
        }

        return Global6.Contains(address) && !Array.Exists(NotPublic6, network => network.Contains(address));
    }
}
