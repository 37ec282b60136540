using Mailkey.Hosting.Postgres;
using MassTransit;

namespace Mailkey.Agreements.Reports;

/// <summary>What SMTP reports.</summary>
internal static class ReportServices
{
    public static IServiceCollection AddReports(this IServiceCollection services)
    {
        services.AddSchemaMigrations(TrafficTable.Migration);
        services.AddSingleton<TrafficTable>();
        services.AddSingleton<AgreementReports>();
        services.AddSchemaMigrations(OrganizationHistory.Migration);
        services.AddSingleton<OrganizationHistory>();
        services.AddHostedService<TrafficService>();
        return services;
    }

    /// <summary>The consumer, for the bus of the service.</summary>
    public static void AddReports(this IBusRegistrationConfigurator bus) => bus.AddConsumer<AgreementReportsConsumer, AgreementReportsDefinition>();
}
