using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Mailkey.Dns;

/// <summary>
/// The client network for whose mail something is looked up: a /24 of IPv4, a /48 of IPv6. It flows with the call, as the activity of a
/// trace does, down to the limits that count by it (<see cref="NetworkShare"/>).
/// </summary>
public sealed record AskingNetwork(ulong Prefix, bool IsIPv6)
{
    private static readonly AsyncLocal<AskingNetwork?> Ambient = new();

    /// <summary>That of this call and of all that it calls; null for what is looked up for no client.</summary>
    public static AskingNetwork? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <param name="address">Null, and so is the network, when it can't be read.</param>
    public static AskingNetwork? Of(string address)
    {
        if (!IPAddress.TryParse(address, out var parsed))
        {
            return null;
        }

        parsed = parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed;
        Span<byte> octets = stackalloc byte[16];
        parsed.TryWriteBytes(octets, out _);
        return parsed.AddressFamily == AddressFamily.InterNetworkV6
            ? new(BinaryPrimitives.ReadUInt64BigEndian(octets) >> 16, true)
            : new(BinaryPrimitives.ReadUInt32BigEndian(octets) >> 8, false);
    }
}
