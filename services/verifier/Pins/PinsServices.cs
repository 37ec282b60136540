using Mailkey.Authentication.Keys;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Senders;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Pins;

/// <summary>Registers the memory of key sets seen.</summary>
public static class PinsServices
{
    // More than are kept in the cache: a domain that writes once a week is remembered too. 200 octets each.
    private const int PinsPerCacheEntry = 4;

    /// <summary>Call it before what judges messages is registered: hosted services start in that order.</summary>
    public static IServiceCollection AddKeySetPins(this IServiceCollection services)
    {
        services.AddSchemaMigrations([.. SenderSchema.Migrations]);
        services.AddSingleton<KeySetPins>();
        services.AddSingleton<DomainEvents>();
        services.AddSingleton(provider => new PostgresKeySetMemory(
            provider.GetRequiredService<KeySetPins>(),
            provider.GetRequiredService<DomainEvents>(),
            provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.KeyHost.CacheEntries * PinsPerCacheEntry,
            provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.KeyHost.VanishedGrace,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<PostgresKeySetMemory>>()));
        services.AddSingleton<IKeySetMemory>(provider => provider.GetRequiredService<PostgresKeySetMemory>());
        services.AddHostedService(provider => provider.GetRequiredService<PostgresKeySetMemory>());
        return services;
    }
}
