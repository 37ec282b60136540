using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mailkey.Policy;

/// <summary>An IP address as a number. IPv4 and IPv6 never compare as equal.</summary>
internal readonly record struct NetworkAddress(UInt128 Bits, bool IsIPv4)
{
    // Networks that one host or one customer has: RFC 6177 hands out /64 and more; greylisting has long gone by /24.
    private const int ClientPrefixIPv4 = 24;
    private const int ClientPrefixIPv6 = 64;

    private int Width => IsIPv4 ? 32 : 128;

    public static NetworkAddress Of(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out var length);
        return address.AddressFamily == AddressFamily.InterNetwork
            ? new(BinaryPrimitives.ReadUInt32BigEndian(octets), IsIPv4: true)
            : new(BinaryPrimitives.ReadUInt128BigEndian(octets[..length]), IsIPv4: false);
    }

    /// <summary>The first address of the network with this prefix length.</summary>
    public NetworkAddress Network(int prefix) => this with { Bits = prefix == 0 ? 0 : Bits >> (Width - prefix) << (Width - prefix) };

    /// <summary>Name of the network that a client counts as, such as <c>4:192.0.2.0</c>.</summary>
    public string ClientNetwork()
    {
        var network = Network(IsIPv4 ? ClientPrefixIPv4 : ClientPrefixIPv6);
        return string.Create(CultureInfo.InvariantCulture, $"{(IsIPv4 ? 4 : 6)}:{network.Bits:x}");
    }
}
