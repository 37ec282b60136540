using System.Net;
using Mailkey.Networks;

namespace Mailkey.Dns;

/// <summary>
/// The client network for whose mail something is looked up: a /24 of IPv4, a /48 of IPv6. It flows with the call, as the activity of a
/// trace does, down to the limits that count by it (<see cref="NetworkShare"/>).
/// </summary>
public sealed record AskingNetwork(AddressPrefix Prefix)
{
    private const int PrefixIPv4 = 24;
    private const int PrefixIPv6 = 48;

    private static readonly AsyncLocal<AskingNetwork?> Ambient = new();

    /// <summary>That of this call and of all that it calls; null for what is looked up for no client.</summary>
    public static AskingNetwork? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <param name="address">Null, and so is the network, when it can't be read.</param>
    public static AskingNetwork? Of(string address) =>
        IPAddress.TryParse(address, out var parsed) ? new(AddressPrefix.Of(parsed, PrefixIPv4, PrefixIPv6)) : null;
}
