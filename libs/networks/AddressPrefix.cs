using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mailkey.Networks;

/// <summary>
/// The leading bits that all addresses of a network share (RFC 4632 §3.1, RFC 4291 §2.3). An IPv4-mapped IPv6 address counts as the IPv4
/// address that it stands for; prefixes of IPv4 and of IPv6 are never equal.
/// </summary>
public readonly record struct AddressPrefix
{
    private const int IPv4Width = 32;
    private const int IPv6Width = 128;

    private AddressPrefix(UInt128 bits, int length, bool isIPv4) => (Bits, Length, IsIPv4) = (bits, length, isIPv4);

    /// <summary>The first address of the network as a number: of 32 bits for IPv4, of 128 for IPv6.</summary>
    public UInt128 Bits { get; }

    /// <summary>How many leading bits are shared.</summary>
    public int Length { get; }

    public bool IsIPv4 { get; }

    /// <summary>Bits of a whole address of this family.</summary>
    public int Width => IsIPv4 ? IPv4Width : IPv6Width;

    /// <summary>The prefix of one address alone.</summary>
    public static AddressPrefix Of(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> octets = stackalloc byte[IPv6Width / 8];
        address.TryWriteBytes(octets, out _);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return new(BinaryPrimitives.ReadUInt32BigEndian(octets), IPv4Width, isIPv4: true);
        }

        return address.IsIPv4MappedToIPv6
            ? new(BinaryPrimitives.ReadUInt32BigEndian(octets[12..]), IPv4Width, isIPv4: true)
            : new(BinaryPrimitives.ReadUInt128BigEndian(octets), IPv6Width, isIPv4: false);
    }

    /// <summary>The network of an address.</summary>
    /// <param name="ipv4Length">Length of the prefix when it is an IPv4 address, 0 to 32.</param>
    /// <param name="ipv6Length">The same for IPv6, 0 to 128.</param>
    public static AddressPrefix Of(IPAddress address, int ipv4Length, int ipv6Length)
    {
        var whole = Of(address);
        return whole.Shortened(whole.IsIPv4 ? ipv4Length : ipv6Length);
    }

    /// <summary>The network of this length that contains this one.</summary>
    /// <param name="length">0 to <see cref="Length"/>.</param>
    public AddressPrefix Shortened(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);

        // A shift by the whole width of the number would shift by nothing.
        return new(length == 0 ? 0 : Bits >> (Width - length) << (Width - length), length, IsIPv4);
    }

    /// <summary>In CIDR notation, such as <c>192.0.2.0/24</c> or <c>2001:db8::/48</c>.</summary>
    public override string ToString()
    {
        Span<byte> octets = stackalloc byte[IPv6Width / 8];
        BinaryPrimitives.WriteUInt128BigEndian(octets, Bits);
        var first = new IPAddress(IsIPv4 ? octets[12..] : octets);
        return string.Create(CultureInfo.InvariantCulture, $"{first}/{Length}");
    }
}
