using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mailkey.Spf;

/// <summary>The client's address as a number, so that a network is compared with a shift.</summary>
internal readonly struct ClientAddress
{
    private readonly UInt128 _bits;

    /// <summary>RFC 7208 §5: an IPv4-mapped IPv6 address is an IPv4 address.</summary>
    public ClientAddress(IPAddress address)
    {
        IsIp4 = address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6;
        _bits = Bits(address, IsIp4);
    }

    public bool IsIp4 { get; }

    /// <summary>Whether the client is in a network of its own family.</summary>
    public bool IsWithin(UInt128 network, int prefix)
    {
        var rest = (IsIp4 ? SpfTerm.Ip4Bits : SpfTerm.Ip6Bits) - prefix;
        return rest == SpfTerm.Ip6Bits || (_bits ^ network) >> rest == 0;
    }

    /// <summary>Whether the client is in the network of an address; never, when that is of the other family.</summary>
    public bool IsWithin(IPAddress network, int prefix) =>
        IsIp4 == (network.AddressFamily == AddressFamily.InterNetwork) && IsWithin(Bits(network, IsIp4), prefix);

    /// <summary>Dotted quad; for IPv6 the nibbles with dots between, upper case (RFC 7208 §7.3).</summary>
    public string Dotted() => IsIp4 ? ToString() : Nibbles(reversed: false, "0123456789ABCDEF", "");

    /// <summary>The name at which a PTR is (RFC 1035 §3.5, RFC 3596 §2.5).</summary>
    public string ReverseName() => IsIp4
        ? string.Create(CultureInfo.InvariantCulture, $"{Octet(0)}.{Octet(1)}.{Octet(2)}.{Octet(3)}.in-addr.arpa")
        : Nibbles(reversed: true, "0123456789abcdef", ".ip6.arpa");

    /// <summary>The usual text, without a scope.</summary>
    public override string ToString()
    {
        Span<byte> octets = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(octets, _bits);
        return new IPAddress(IsIp4 ? octets[12..] : octets).ToString();
    }

    private uint Octet(int fromTheEnd) => (uint)(_bits >> (8 * fromTheEnd)) & 0xFF;

    private string Nibbles(bool reversed, string digits, string suffix)
    {
        Span<char> text = stackalloc char[63];
        text.Fill('.');
        for (var i = 0; i < 32; i++)
        {
            text[2 * i] = digits[(int)(_bits >> (4 * (reversed ? i : 31 - i))) & 0xF];
        }

        return string.Concat(text, suffix);
    }

    private static UInt128 Bits(IPAddress address, bool isIp4)
    {
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out var written);
        return isIp4 ? BinaryPrimitives.ReadUInt32BigEndian(octets[(written - 4)..]) : BinaryPrimitives.ReadUInt128BigEndian(octets);
    }
}
