using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Mailkey.Dns;
using Mailkey.Networks;

namespace Mailkey.Spf;

/// <summary>The client's address, also as a number, so that a network is compared with a shift.</summary>
internal readonly struct ClientAddress
{
    private readonly IPAddress _address;
    private readonly UInt128 _bits;

    /// <summary>RFC 7208 §5: an IPv4-mapped IPv6 address is an IPv4 address.</summary>
    public ClientAddress(IPAddress address)
    {
        _address = address.Unmapped();
        _bits = Bits(_address);
    }

    public bool IsIp4 => _address.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>Whether the client is in a network of its own family.</summary>
    public bool IsWithin(UInt128 network, int prefix)
    {
        var rest = (IsIp4 ? SpfTerm.Ip4Bits : SpfTerm.Ip6Bits) - prefix;
        return rest == SpfTerm.Ip6Bits || (_bits ^ network) >> rest == 0;
    }

    /// <summary>Whether the client is in the network of an address; never, when that is of the other family.</summary>
    public bool IsWithin(IPAddress network, int prefix) => network.AddressFamily == _address.AddressFamily && IsWithin(Bits(network), prefix);

    /// <summary>Dotted quad; for IPv6 the nibbles with dots between, upper case (RFC 7208 §7.3).</summary>
    public string Dotted()
    {
        if (IsIp4)
        {
            return _address.ToString();
        }

        Span<char> text = stackalloc char[63];
        text.Fill('.');
        for (var i = 0; i < 32; i++)
        {
            text[2 * i] = "0123456789ABCDEF"[(int)(_bits >> (4 * (31 - i))) & 0xF];
        }

        return text.ToString();
    }

    /// <summary>The name at which a PTR is.</summary>
    public string ReverseName() => Dns.ReverseName.Of(_address, IsIp4 ? Dns.ReverseName.Ip4Zone : Dns.ReverseName.Ip6Zone);

    /// <summary>The usual text, without a scope.</summary>
    public override string ToString() => (_address is { AddressFamily: AddressFamily.InterNetworkV6, ScopeId: not 0 } ? new IPAddress(_address.GetAddressBytes()) : _address).ToString();

    private static UInt128 Bits(IPAddress address)
    {
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out var written);
        return written == 4 ? BinaryPrimitives.ReadUInt32BigEndian(octets) : BinaryPrimitives.ReadUInt128BigEndian(octets);
    }
}
