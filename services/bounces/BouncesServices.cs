using Mailkey.Authentication.Keys;
using Mailkey.Bounces.Advice;
using Mailkey.Bounces.Reporting;
using Mailkey.Bounces.Sagas.Advisory;
using Mailkey.Hosting.Postgres;
using Mailkey.Messaging;
using Mailkey.Messaging.Journal;
using Mailkey.Messaging.Sagas;
using Mailkey.Storage;
using MassTransit;

namespace Mailkey.Bounces;

/// <summary>Everything the service is made of.</summary>
public static class BouncesServices
{
    public static IServiceCollection AddBounces(this IServiceCollection services)
    {
        services.AddSchemaMigrations(SentReports.Migration);
        services.AddContentStore();

        services.AddKeyHostDiscovery();
        services.AddSingleton<IDomainInspector, KeyHostInspector>();
        services.AddSingleton<AdvisedDomain>();
        services.AddSingleton<ReportComposer>();
        services.AddSingleton<SentReports>();
        services.AddSingleton<ReportJournal>();
        services.AddSingleton<ReportSender>();
        services.AddHostedService<SentReportsCleanup>();
        services.AddTransient<SuppressByLimitActivity>();

        services.AddMailkeyBus(bus =>
        {
            bus.AddConsumer<ReportConsumer, ReportConsumerDefinition>();
            bus.AddSagaStateMachine<AdvisoryStateMachine, AdvisoryState, AdvisoryDefinition>().PostgresRepository(SentReports.Schema);
        });
        services.AddJournal();
        return services;
    }
}
