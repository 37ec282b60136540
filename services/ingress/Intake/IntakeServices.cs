using Mailkey.Messaging;
using Mailkey.Messaging.Journal;
using Mailkey.Messaging.Verdicts;
using Mailkey.Storage;

namespace Mailkey.Ingress.Intake;

/// <summary>What stands behind the SMTP session.</summary>
internal static class IntakeServices
{
    public static IServiceCollection AddIntake(this IServiceCollection services)
    {
        services.AddMailkeyBus();
        services.AddJournal();
        services.AddContentStore();
        services.AddVerdictRequester();
        services.AddSingleton<AcceptancePublisher>();
        services.AddHostedService(provider => provider.GetRequiredService<AcceptancePublisher>());
        services.AddSingleton<PassedSenders>();
        services.AddSingleton<RefusalJournal>();
        services.AddHostedService(provider => provider.GetRequiredService<RefusalJournal>());
        services.AddSingleton<IMessageIntake, MessageIntake>();
        return services;
    }
}
