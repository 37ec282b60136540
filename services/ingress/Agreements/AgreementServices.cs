using Mailkey.Messaging.Agreements;

namespace Mailkey.Ingress.Agreements;

/// <summary>Forwarding agreements in SMTP.</summary>
internal static class AgreementServices
{
    /// <summary>Call it after the bus is registered, so that the last reports leave before the bus stops.</summary>
    public static IServiceCollection AddForwardingAgreements(this IServiceCollection services)
    {
        services.AddAgreementDirectory();
        services.AddSingleton<AgreementReports>();
        services.AddSingleton<IAgreementReports>(provider => provider.GetRequiredService<AgreementReports>());
        services.AddHostedService(provider => provider.GetRequiredService<AgreementReports>());
        services.AddSingleton<ForwardingAgreements>();
        return services;
    }
}
