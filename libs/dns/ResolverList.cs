using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Mailkey.Dns;

/// <summary>Reads where the resolvers are, from configuration or from <c>resolv.conf</c>.</summary>
public static class ResolverList
{
    /// <summary>Most servers of a <c>resolv.conf</c> that are used, as in resolv.conf(5).</summary>
    public const int MaxServers = 3;

    /// <summary>Splits <c>host:port</c>, <c>[IPv6]:port</c>, <c>host</c> or a bare IPv6 address.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out string? host, out int port)
    {
        host = null;
        port = DnsResolverOptions.DefaultPort;
        text = text.Trim();
        if (IPAddress.TryParse(text, out _) && !text.StartsWith('['))
        {
            host = text;
            return true;
        }

        var end = text.StartsWith('[') ? text.IndexOf(']', StringComparison.Ordinal) : -1;
        var colon = text.IndexOf(':', Math.Max(end, 0));
        var name = end > 0 ? text[1..end] : colon < 0 ? text : text[..colon];
        if (end > 0 && colon != end + 1 && text.Length != end + 1)
        {
            return false;
        }

        if (colon >= 0 && (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is 0 or > 65535))
        {
            return false;
        }

        if (!IPAddress.TryParse(name, out _) && !DomainName.TryNormalize(name, out _))
        {
            return false;
        }

        host = name;
        return true;
    }

    /// <summary>The <c>nameserver</c> lines of a <c>resolv.conf</c>; the local host when there is none (resolv.conf(5)).</summary>
    public static IReadOnlyList<IPEndPoint> FromResolvConf(string text)
    {
        List<IPEndPoint> servers = [];
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            var rest = line.Trim();
            if (!rest.StartsWith("nameserver", StringComparison.Ordinal) || rest.Length <= 10 || rest[10] is not (' ' or '\t'))
            {
                continue;
            }

            rest = rest[10..].Trim();
            var end = rest.IndexOfAny(" \t#;");
            if (servers.Count < MaxServers && IPAddress.TryParse(end < 0 ? rest : rest[..end], out var address))
            {
                servers.Add(new(address, DnsResolverOptions.DefaultPort));
            }
        }

        return servers.Count > 0 ? servers : [new(IPAddress.Loopback, DnsResolverOptions.DefaultPort)];
    }
}
