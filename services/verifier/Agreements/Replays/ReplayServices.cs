using Mailkey.Hosting.Postgres;

namespace Mailkey.Verifier.Agreements.Replays;

/// <summary>Registers what is remembered of signatures under agreements.</summary>
internal static class ReplayServices
{
    /// <summary>Call it after the bus is added, and before what judges messages: hosted services start in that order.</summary>
    public static IServiceCollection AddReplayGuard(this IServiceCollection services)
    {
        services.AddSchemaMigrations(TakenSignaturesTable.Migration);
        services.AddSingleton<TakenSignaturesTable>();
        services.AddSingleton<ReplayAlarms>();
        services.AddSingleton<IReplayAlarms>(provider => provider.GetRequiredService<ReplayAlarms>());
        services.AddHostedService(provider => provider.GetRequiredService<ReplayAlarms>());
        services.AddSingleton<ReplayGuard>();
        services.AddHostedService(provider => provider.GetRequiredService<ReplayGuard>());
        return services;
    }
}
