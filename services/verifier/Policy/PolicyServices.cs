namespace Mailkey.Verifier.Policy;

/// <summary>Registers the policy: its file, its state, its memory of senders.</summary>
public static class PolicyServices
{
    /// <summary>Call it before what judges messages is registered: hosted services start in that order.</summary>
    public static IServiceCollection AddReceiverPolicy(this IServiceCollection services)
    {
        services.AddSingleton<CurrentPolicy>();
        services.AddHostedService(provider => provider.GetRequiredService<CurrentPolicy>());
        services.AddSingleton<IPolicyState, NoPolicyState>();
        services.AddSingleton<ISenderHistories, NoSenderHistories>();
        services.AddSingleton<PolicyDesk>();
        return services;
    }
}
