using System.Net;
using System.Net.Sockets;
using Mailkey.Delivery.Outbound;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Routing;

/// <summary>Finds the addresses of a next hop, in the order in which to try them.</summary>
internal sealed class ExchangerLookup(IDnsResolver resolver, IOptions<MailkeyOptions> options)
{
    // RFC 5321 §5.1 lets a client bound this. A domain with more, all of them dead, would hold a connection for hours.
    private const int MaxAddresses = 10;
    private const int MaxHosts = 20;

    private readonly string _ownName = options.Value.Hostname.TrimEnd('.').ToLowerInvariant();
    private readonly int _port = options.Value.Delivery.SmtpPort;

    /// <returns>At least one address, or why there is none.</returns>
    public async Task<(IReadOnlyList<ExchangerAddress> Addresses, Finding? Problem)> FindAsync(NextHop nextHop, CancellationToken cancellationToken)
    {
        if (nextHop.Kind != NextHopKind.MailExchangers)
        {
            return await FindHostAsync(nextHop, cancellationToken);
        }

        return nextHop.Host[0] == '['
            ? FindLiteral(nextHop.Host)
            : await FindExchangersAsync(nextHop.Host, cancellationToken);
    }

    // A host of our own network: what the system knows about it (a hosts file, a container's name service) counts.
    private static async Task<(IReadOnlyList<ExchangerAddress>, Finding?)> FindHostAsync(NextHop nextHop, CancellationToken cancellationToken)
    {
        try
        {
            var addresses = await System.Net.Dns.GetHostAddressesAsync(nextHop.Host, cancellationToken);
            if (addresses.Length > 0)
            {
                return ([.. addresses.Take(MaxAddresses).Select(address => new ExchangerAddress(nextHop.Host, new(address, nextHop.Port)))], null);
            }
        }
        catch (SocketException)
        {
            // Not found. Of a host that the configuration names this is never final.
        }

        return ([], Finding.Temporary("4.4.3", $"{nextHop.Host} has no address"));
    }

    private (IReadOnlyList<ExchangerAddress>, Finding?) FindLiteral(string literal)
    {
        var text = literal[1..^1];
        text = text.StartsWith("ipv6:", StringComparison.OrdinalIgnoreCase) ? text[5..] : text;
        return IPAddress.TryParse(text, out var address) && IsUsable(address)
            ? ([new ExchangerAddress(literal, new(address, _port))], null)
            : ([], Finding.Permanent("5.1.2", $"{literal} is no address that takes mail"));
    }

    private async Task<(IReadOnlyList<ExchangerAddress>, Finding?)> FindExchangersAsync(string domain, CancellationToken cancellationToken)
    {
        var answer = await resolver.ResolveAsync(domain, DnsRecordType.Mx, cancellationToken);
        List<(int Preference, string Host)> hosts;
        switch (answer.Status)
        {
            case DnsStatus.Success:
                // RFC 7505 §3: a single MX with the root as its target says that the domain takes no mail.
                if (answer.Records.All(record => record.Target is "." or ""))
                {
                    return ([], Finding.Permanent("5.1.10", $"556 {domain} does not take mail (null MX)"));
                }

                hosts = [.. answer.Records
                    .Where(record => record.Target is not (null or "." or ""))
                    .Select(record => (record.Preference, record.Target!.TrimEnd('.').ToLowerInvariant()))];
                break;
            case DnsStatus.NoData:
                // RFC 5321 §5.1: without MX the domain itself, with preference 0.
                hosts = [(0, domain)];
                break;
            case DnsStatus.NameError:
                return ([], Finding.Permanent("5.1.2", $"domain {domain} does not exist"));
            default:
                return ([], Finding.Temporary("4.4.3", $"mail exchangers of {domain} not found: {answer.Detail}"));
        }

        // RFC 5321 §5.1: when we are one of them, only those that are better than us may get it from us.
        if (hosts.Exists(IsOwn))
        {
            var own = hosts.Where(IsOwn).Min(host => host.Preference);
            hosts.RemoveAll(host => host.Preference >= own);
            if (hosts.Count == 0)
            {
                return ([], Finding.Permanent("5.4.6", $"mail for {domain} loops back to this host"));
            }
        }

        // RFC 5321 §5.1: equal preferences in random order, so that they share the load.
        return await FindAddressesAsync(domain, Shuffled(hosts), cancellationToken);
    }

    private async Task<(IReadOnlyList<ExchangerAddress>, Finding?)> FindAddressesAsync(
        string domain, IEnumerable<string> hosts, CancellationToken cancellationToken)
    {
        List<ExchangerAddress> addresses = [];
        string? unknown = null;
        foreach (var host in hosts.Take(MaxHosts))
        {
            var asked = resolver.ResolveAsync(host, DnsRecordType.Aaaa, cancellationToken).AsTask();
            var v4 = await resolver.ResolveAsync(host, DnsRecordType.A, cancellationToken);
            var v6 = await asked;
            foreach (var record in v6.Records.Concat(v4.Records))
            {
                if (record.Address is { } address && IsUsable(address))
                {
                    addresses.Add(new(host, new(address, _port)));
                }
            }

            foreach (var answer in (DnsAnswer[])[v6, v4])
            {
                if (answer.Status is DnsStatus.ServerFailure or DnsStatus.Timeout)
                {
                    unknown = $"{host}: {answer.Detail}";
                }
            }

            if (addresses.Count >= MaxAddresses)
            {
                break;
            }
        }

        if (addresses.Count > 0)
        {
            return ([.. addresses.Take(MaxAddresses)], null);
        }

        return ([], unknown is null
            ? Finding.Permanent("5.4.4", $"no mail exchanger of {domain} has an address")
            : Finding.Temporary("4.4.3", $"address of mail exchanger not found: {unknown}"));
    }

    private static IEnumerable<string> Shuffled(List<(int Preference, string Host)> hosts)
    {
        var array = hosts.ToArray();
        Random.Shared.Shuffle(array);
        return array.OrderBy(host => host.Preference).Select(host => host.Host).Distinct(StringComparer.Ordinal);
    }

    private bool IsOwn((int Preference, string Host) host) => host.Host == _ownName;

    // Anybody can publish an MX that points to this very machine, behind its own filters. Port 25 only: any other is a test.
    private bool IsUsable(IPAddress address) => _port != 25 || IsElsewhere(address);

    // Private networks may hold exchangers of our own; what is meant for this host or its link never does.
    private static bool IsElsewhere(IPAddress address)
    {
        if (EmbeddedV4(address) is { } embedded)
        {
            return IsElsewhere(embedded);
        }

        return !IPAddress.IsLoopback(address)
            && !address.IsIPv6LinkLocal
            && !address.IsIPv6Multicast
            && !address.Equals(IPAddress.IPv6Any)
            && address.GetAddressBytes() is not [>= 224, _, _, _] and not [0, _, _, _] and not [169, 254, _, _];
    }

    // Mapped and compatible (RFC 4291 §2.5.5), NAT64 (RFC 6052), 6to4 (RFC 3056): a translator leads to the IPv4 address.
    private static IPAddress? EmbeddedV4(IPAddress address) => address.GetAddressBytes() switch
    {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, .. var v4] => new(v4),
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. var v4] when v4 is not [0, 0, 0, 0 or 1] => new(v4),
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, .. var v4] => new(v4),
        [0x20, 0x02, var a, var b, var c, var d, ..] => new((byte[])[a, b, c, d]),
        _ => null,
    };
}
