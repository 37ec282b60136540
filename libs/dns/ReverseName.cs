using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mailkey.Dns;

/// <summary>Names under which the DNS knows an address: for PTR, and for lists of addresses.</summary>
public static class ReverseName
{
    /// <summary>Zone of the names of IPv4 addresses (RFC 1035 §3.5).</summary>
    public const string Ip4Zone = "in-addr.arpa";

    /// <summary>Zone of the names of IPv6 addresses (RFC 3596 §2.5).</summary>
    public const string Ip6Zone = "ip6.arpa";

    private const string Digits = "0123456789abcdef";
    private const int Nibbles = 32;

    /// <summary>The octets of an IPv4 address, or the nibbles of an IPv6 address, last one first, below a zone (RFC 5782 §2.1, §2.4).</summary>
    public static string Of(IPAddress address, string zone)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out _);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{octets[3]}.{octets[2]}.{octets[1]}.{octets[0]}.{zone}");
        }

        Span<char> text = stackalloc char[2 * Nibbles];
        text.Fill('.');
        for (var i = 0; i < Nibbles; i++)
        {
            var octet = octets[(Nibbles - 1 - i) / 2];
            text[2 * i] = Digits[i % 2 == 0 ? octet & 0xF : octet >> 4];
        }

        return string.Concat(text, zone);
    }
}
