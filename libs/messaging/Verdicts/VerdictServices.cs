using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Mailkey.Messaging.Verdicts;

/// <summary>Registers one end of the verdict request.</summary>
public static class VerdictServices
{
    /// <summary>The asking end: <see cref="IVerdictRequester"/>.</summary>
    public static IServiceCollection AddVerdictRequester(this IServiceCollection services)
    {
        services.TryAddSingleton<BrokerArrival>();
        services.TryAddSingleton<BrokerLink>();
        services.AddSingleton<VerdictRequester>();
        services.AddSingleton<IVerdictRequester>(provider => provider.GetRequiredService<VerdictRequester>());
        services.AddHostedService(provider => provider.GetRequiredService<VerdictRequester>());
        services.AddHealthChecks().AddCheck<VerdictRequester>("verdict-requests");
        return services;
    }

    /// <summary>The answering end, with the service's own <typeparamref name="TGiver"/>.</summary>
    public static IServiceCollection AddVerdictResponder<TGiver>(this IServiceCollection services)
        where TGiver : class, IVerdictGiver
    {
        services.TryAddSingleton<BrokerArrival>();
        services.TryAddSingleton<BrokerLink>();
        services.AddSingleton<IVerdictGiver, TGiver>();
        services.AddSingleton<VerdictResponder>();
        services.AddHostedService(provider => provider.GetRequiredService<VerdictResponder>());
        services.AddHealthChecks().AddCheck<VerdictResponder>("verdicts");
        return services;
    }
}
