using Mailkey.Messaging.Verdicts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Mailkey.Messaging.Agreements;

/// <summary>Registers one end of the look-ups of agreements.</summary>
public static class AgreementServices
{
    /// <summary>The asking end: <see cref="IAgreementDirectory"/>.</summary>
    public static IServiceCollection AddAgreementDirectory(this IServiceCollection services)
    {
        services.TryAddSingleton<BrokerArrival>();
        services.TryAddSingleton<BrokerLink>();
        services.AddSingleton<AgreementDirectory>();
        services.AddSingleton<IAgreementDirectory>(provider => provider.GetRequiredService<AgreementDirectory>());
        services.AddHostedService(provider => provider.GetRequiredService<AgreementDirectory>());
        return services;
    }

    /// <summary>The answering end, with the service's own <typeparamref name="TFinder"/>.</summary>
    public static IServiceCollection AddAgreementResponder<TFinder>(this IServiceCollection services)
        where TFinder : class, IAgreementFinder
    {
        services.TryAddSingleton<BrokerArrival>();
        services.TryAddSingleton<BrokerLink>();
        services.AddSingleton<IAgreementFinder, TFinder>();
        services.AddSingleton<AgreementResponder>();
        services.AddSingleton<IAgreementAnnouncer>(provider => provider.GetRequiredService<AgreementResponder>());
        services.AddHostedService(provider => provider.GetRequiredService<AgreementResponder>());
        services.AddHealthChecks().AddCheck<AgreementResponder>("agreement-lookups");
        return services;
    }
}
