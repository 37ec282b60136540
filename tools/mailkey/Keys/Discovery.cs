using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Mailkey.Tool.Keys;

/// <summary>Looks for key sets as the services do, without their memory and without a cache.</summary>
internal static class Discovery
{
    public static Option<string?> ResolverOption() => new("--resolver", "-r") { Description = "DNS resolver as host:port. Default: that of the configuration, else the system's." };

    /// <summary>Registers search and inspection with the configuration of this place.</summary>
    public static bool TryBuild(string? resolver, TimeProvider time, [NotNullWhen(true)] out ServiceProvider? services, [NotNullWhen(false)] out string? error)
    {
        services = null;
        error = null;
        if (resolver is not null && !ResolverList.TryParse(resolver, out _, out _))
        {
            error = $"--resolver takes host, host:port or [IPv6]:port. It is \"{resolver}\".";
            return false;
        }

        var builder = new ConfigurationBuilder();
        MailkeyConfiguration.AddSources(builder, []);
        if (resolver is not null)
        {
            builder.AddInMemoryCollection([new($"{MailkeyOptions.Section}:{nameof(MailkeyOptions.Dns)}:{nameof(DnsOptions.Resolvers)}:0", resolver)]);
        }

        var collection = new ServiceCollection();
        collection.AddLogging();
        collection.AddSingleton(time);
        collection.AddMailkeyOptions(builder.Build());
        collection.AddKeyHostDiscovery();
        collection.AddSingleton(provider => new DomainInspection(
            provider.GetRequiredService<KeyHostSearch>(), provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.KeyHost, time));
        services = collection.BuildServiceProvider();
        try
        {
            _ = services.GetRequiredService<DomainInspection>();
            return true;
        }
        catch (OptionsValidationException e)
        {
            error = $"the configuration is wrong; see: mailkey config check\n  {string.Join("\n  ", e.Failures)}";
        }
        catch (System.Net.Sockets.SocketException e)
        {
            error = $"the resolver {resolver} has no address: {e.Message}";
        }

        services.Dispose();
        services = null;
        return false;
    }
}
