using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mailkey.Hosting.Options;

/// <summary>Answers of a DNS list that count: <c>address [ "/" prefix ] [ "&amp;" bits ]</c>, within 127.0.0.0/8.</summary>
public readonly record struct BlocklistCode
{
    private IPNetwork Network { get; init; }

    /// <summary>Of which one must be set in the last octet (RFC 5782 §2.3); 0: none has to be.</summary>
    private byte Bits { get; init; }

    /// <summary>Every answer that a list may give (RFC 5782 §2.1).</summary>
    public static BlocklistCode Any { get; } = new() { Network = new(new IPAddress([127, 0, 0, 0]), 8) };

    /// <summary>Answers of public lists to those whom they do not serve: the wrong resolver, too many questions, a mistyped zone.</summary>
    public static BlocklistCode Refusals { get; } = new() { Network = new(new IPAddress([127, 255, 255, 0]), 24) };

    /// <summary>Reads a code.</summary>
    public static bool TryParse(string? text, out BlocklistCode code)
    {
        code = default;
        var ampersand = text?.IndexOf('&', StringComparison.Ordinal) ?? -1;
        byte bits = 0;
        if (ampersand >= 0 && (!byte.TryParse(text.AsSpan(ampersand + 1), NumberStyles.None, CultureInfo.InvariantCulture, out bits) || bits == 0))
        {
            return false;
        }

        var address = ampersand < 0 ? text : text![..ampersand];
        address = address is null || address.Contains('/', StringComparison.Ordinal) ? address : $"{address}/32";
        if (!IPNetwork.TryParse(address, out var network) || network.PrefixLength < 8 || !Any.Matches(network.BaseAddress)
            || !address!.StartsWith($"{network.BaseAddress}/", StringComparison.Ordinal))
        {
            // The last one: an address that is not the first of its network is a mistake of who wrote it.
            return false;
        }

        code = new() { Network = network, Bits = bits };
        return true;
    }

    /// <summary>Whether an answer is one of these.</summary>
    public bool Matches(IPAddress answer)
    {
        if (answer.AddressFamily != AddressFamily.InterNetwork || !Network.Contains(answer))
        {
            return false;
        }

        Span<byte> octets = stackalloc byte[4];
        answer.TryWriteBytes(octets, out _);
        return Bits == 0 || (octets[3] & Bits) != 0;
    }
}
