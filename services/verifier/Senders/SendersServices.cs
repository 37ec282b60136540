using Mailkey.Senders;

namespace Mailkey.Verifier.Senders;

/// <summary>Registers what the verifier does for the pages of sender domains.</summary>
public static class SendersServices
{
    public static IServiceCollection AddSenderPages(this IServiceCollection services)
    {
        services.AddSingleton<DomainFailures>();
        services.AddSingleton<DomainChecks>();
        services.AddSingleton<RecentFailures>();
        services.AddHostedService(provider => provider.GetRequiredService<RecentFailures>());
        services.AddHostedService<DoubtedDomains>();
        return services;
    }
}
