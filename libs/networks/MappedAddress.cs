using System.Net;

namespace Mailkey.Networks;

/// <summary>IPv4 addresses in the clothes of IPv6, as a socket of both families gives them (RFC 4291 §2.5.5.2).</summary>
public static class MappedAddress
{
    /// <summary>The IPv4 address that <c>::ffff:192.0.2.1</c> stands for; any other address as it is.</summary>
    public static IPAddress Unmapped(this IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
