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
                provider.GetRequiredService<IOptions<MailkeyOptions>>().Value.Postgres.ConnectionString)
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
}
