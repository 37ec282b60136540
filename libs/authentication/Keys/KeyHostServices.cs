using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Mailkey.Authentication.Keys;

/// <summary>Registers what finds key sets.</summary>
public static class KeyHostServices
{
    /// <summary>
    /// Adds <see cref="KeyHostDiscovery"/> and <see cref="DomainInspection"/>, with a memory that lasts as long as the process unless another
    /// <see cref="IKeySetMemory"/> is registered.
    /// </summary>
    public static IServiceCollection AddKeyHostDiscovery(this IServiceCollection services)
    {
        services.AddDnsResolver();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IKeySetMemory>(provider => new InProcessKeySetMemory(Options(provider).CacheEntries));
        services.TryAddSingleton(provider => new KeySetFetcher(Options(provider), provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton<KeyHostSearch>();
        services.TryAddSingleton(provider => new DomainInspection(
            provider.GetRequiredService<KeyHostSearch>(), Options(provider), provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => new KeyHostDiscovery(
            provider.GetRequiredService<KeyHostSearch>(),
            Options(provider),
            provider.GetRequiredService<IKeySetMemory>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<KeyHostDiscovery>>()));
        return services;
    }

    private static KeyHostOptions Options(IServiceProvider provider) => provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.KeyHost;
}
