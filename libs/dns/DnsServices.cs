using System.Net;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Mailkey.Dns;

/// <summary>Registers the resolver.</summary>
public static class DnsServices
{
    /// <summary>Key of the resolver for look-ups that others come before: <see cref="DnsResolver.Yielding"/>.</summary>
    public const string Yielding = "yielding";

    private const string ResolvConf = "/etc/resolv.conf";

    /// <summary>Adds <see cref="IDnsResolver"/> as <see cref="DnsOptions"/> says.</summary>
    public static IServiceCollection AddDnsResolver(this IServiceCollection services)
    {
        services.TryAddSingleton<IDnsResolver>(provider => new DnsResolver(
            From(provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.Dns),
            provider.GetService<TimeProvider>() ?? TimeProvider.System));
        services.TryAddKeyedSingleton<IDnsResolver>(
            Yielding, static (provider, _) => provider.GetRequiredService<IDnsResolver>() switch { DnsResolver own => own.Yielding, var other => other });
        return services;
    }

    /// <summary>Maps the configuration; a resolver given by name is looked up by the system, once.</summary>
    /// <exception cref="FormatException">A resolver is neither address nor name, with or without port.</exception>
    public static DnsResolverOptions From(DnsOptions options) => new()
    {
        Servers = options.Resolvers.Count > 0 ? [.. options.Resolvers.SelectMany(Endpoints)] : ResolverList.FromResolvConf(ReadResolvConf()),
        AttemptTimeout = options.AttemptTimeout,
        Timeout = options.Timeout,
        Attempts = options.Attempts,
        CacheEntries = options.CacheEntries,
        MaxTtl = options.MaxTtl,
        MaxNegativeTtl = options.MaxNegativeTtl,
        MaxConcurrent = options.MaxConcurrent,
    };

    private static IEnumerable<IPEndPoint> Endpoints(string resolver)
    {
        if (!ResolverList.TryParse(resolver, out var host, out var port))
        {
            throw new FormatException($"Mailkey:Dns:Resolvers: \"{resolver}\" is neither host nor host:port.");
        }

        return IPAddress.TryParse(host, out var address)
            ? [new(address, port)]
            : System.Net.Dns.GetHostAddresses(host).Select(found => new IPEndPoint(found, port));
    }

    private static string ReadResolvConf() => File.Exists(ResolvConf) ? File.ReadAllText(ResolvConf) : "";
}
