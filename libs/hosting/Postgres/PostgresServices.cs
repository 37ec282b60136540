using System.Data.Common;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Hosting.Postgres;

/// <summary>How a service comes to its database.</summary>
public static class PostgresServices
{
    /// <summary>Statements that a connection keeps prepared: more than any service has.</summary>
    private const int AutoPrepared = 50;

    private static readonly TimeSpan HealthTimeout = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Registers the one <see cref="NpgsqlDataSource"/> of the process, the runner of its migrations, and a health check.
    /// May be called more than once.
    /// </summary>
    public static IServiceCollection AddPostgres(this IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(SchemaMigrator)))
        {
            return services;
        }

        services.TryAddSingleton(provider => new NpgsqlDataSourceBuilder(
                Prepared(provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.Postgres.ConnectionString))
            .UseLoggerFactory(provider.GetRequiredService<ILoggerFactory>())
            .Build());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<SchemaMigrator>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, SchemaMigrationService>());
        services.AddHealthChecks().AddCheck<PostgresHealthCheck>("postgres", timeout: HealthTimeout);
        return services;
    }

    /// <summary>Adds steps that are applied, in this order, before the service's hosted services start.</summary>
    public static IServiceCollection AddSchemaMigrations(this IServiceCollection services, params ReadOnlySpan<SchemaMigration> migrations)
    {
        services.AddPostgres();
        foreach (var migration in migrations)
        {
            services.AddSingleton(migration);
        }

        return services;
    }

    // Planning a batch append costs the server as much as several events. A connection pooler that cannot keep prepared
    // statements is served by "Max Auto Prepare=0" in the connection string.
    internal static string Prepared(string connectionString)
    {
        var given = new DbConnectionStringBuilder { ConnectionString = connectionString };
        return given.ContainsKey("Max Auto Prepare") || given.ContainsKey("MaxAutoPrepare")
            ? connectionString
            : new NpgsqlConnectionStringBuilder(connectionString) { MaxAutoPrepare = AutoPrepared }.ConnectionString;
    }
}
