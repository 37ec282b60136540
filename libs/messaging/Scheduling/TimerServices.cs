using Mailkey.Hosting.Postgres;
using MassTransit;
using MassTransit.Context;
using MassTransit.Scheduling;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Mailkey.Messaging.Scheduling;

/// <summary>Timers that survive a restart, without a plug-in of the broker.</summary>
public static class TimerServices
{
    /// <summary>
    /// Registers the table <c>timers</c> in the service's schema, its dispatcher, and <see cref="IMessageScheduler"/> over it.
    /// A saga with a PostgreSQL repository has called this already.
    /// </summary>
    /// <exception cref="InvalidOperationException">The service has timers in another schema: it owns one only.</exception>
    public static IServiceCollection AddTimers(this IServiceCollection services, string schema)
    {
        if (services.FirstOrDefault(service => service.ServiceType == typeof(TimerSchema))?.ImplementationInstance is TimerSchema known)
        {
            return string.Equals(known.Name, schema, StringComparison.Ordinal)
                ? services
                : throw new InvalidOperationException($"Timers are in schema \"{known.Name}\" already, not in \"{schema}\".");
        }

        services.AddSingleton(new TimerSchema(schema));
        services.AddSchemaMigrations(PostgresTimers.Migrations(schema));
        services.AddSingleton<WakeSignal>();
        services.AddSingleton(provider => new PostgresTimers(
            provider.GetRequiredService<NpgsqlDataSource>(), schema, provider.GetRequiredService<WakeSignal>()));
        services.AddSingleton<ITimers>(provider => provider.GetRequiredService<PostgresTimers>());
        services.AddSingleton<IHostedService, TimerDispatcher>();
        services.TryAddScoped<IMessageScheduler>(provider => new MessageScheduler(
            new TimerMessageProvider(provider.GetRequiredService<ITimers>(), context: null), provider.GetRequiredService<IBus>().Topology));
        return services;
    }

    /// <summary>The scheduler that a consumer of <paramref name="context"/> sees.</summary>
    internal static MessageSchedulerContext SchedulerContext(ConsumeContext context, ITimers timers) =>
        new ConsumeMessageSchedulerContext(
            context, consumed => new MessageScheduler(new TimerMessageProvider(timers, consumed), consumed.GetPayload<IBusTopology>()));

    private sealed record TimerSchema(string Name);
}
