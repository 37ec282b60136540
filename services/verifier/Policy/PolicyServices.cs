using Mailkey.Hosting.Postgres;

namespace Mailkey.Verifier.Policy;

/// <summary>Registers the policy: its file, its state, its memory of senders.</summary>
public static class PolicyServices
{
    /// <summary>Call it before what judges messages is registered: hosted services start in that order.</summary>
    public static IServiceCollection AddReceiverPolicy(this IServiceCollection services)
    {
        services.AddSchemaMigrations(PolicyStateTable.Migration, SenderHistoryTable.Migration);
        services.AddSingleton<CurrentPolicy>();
        services.AddHostedService(provider => provider.GetRequiredService<CurrentPolicy>());
        services.AddSingleton<PolicyStateTable>();
        services.AddSingleton<PostgresPolicyState>();
        services.AddSingleton<IPolicyState>(provider => provider.GetRequiredService<PostgresPolicyState>());
        services.AddHostedService(provider => provider.GetRequiredService<PostgresPolicyState>());
        services.AddSingleton<SenderHistoryTable>();
        services.AddSingleton<SenderHistories>();
        services.AddSingleton<ISenderHistories>(provider => provider.GetRequiredService<SenderHistories>());
        services.AddHostedService(provider => provider.GetRequiredService<SenderHistories>());
        services.AddSingleton<PolicyDesk>();
        return services;
    }
}
