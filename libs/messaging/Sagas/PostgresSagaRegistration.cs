using Mailkey.Hosting.Postgres;
using Mailkey.Messaging.Scheduling;
using MassTransit;
using MassTransit.Configuration;
using MassTransit.Saga;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;

namespace Mailkey.Messaging.Sagas;

/// <summary>Keeps sagas in PostgreSQL.</summary>
public static class PostgresSagaRegistration
{
    /// <summary>How often a message is tried again when another one changed its saga meanwhile.</summary>
    private const int ConflictRetries = 10;

    /// <summary>An hour and more. Long before, the broker takes the message back and delivers it again.</summary>
    private const int OutageRetries = 2000;

    private static readonly TimeSpan ConflictPause = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan OutagePause = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Keeps the instances and their timers in the schema of the service: <c>Schedule</c> and <c>Unschedule</c> of the state machine
    /// work without more. Messages that the state machine publishes or sends leave before the instance is written, so that
    /// none is lost when the process dies between the two; their consumers see some of them twice. Do not put an
    /// in-memory outbox around such a saga, it turns this around.
    /// </summary>
    public static ISagaRegistrationConfigurator<TSaga> PostgresRepository<TSaga>(this ISagaRegistrationConfigurator<TSaga> configurator, string schema)
        where TSaga : class, IStoredSaga
    {
        configurator.Repository(services =>
        {
            services.AddTimers(schema);
            services.AddSchemaMigrations(SagaTable.Migrations(schema, typeof(TSaga)));
            services.TryAddSingleton(provider => new PostgresSagaStore<TSaga>(
                provider.GetRequiredService<NpgsqlDataSource>(), provider.GetRequiredService<WakeSignal>(), schema));
            services.RegisterLoadSagaRepository<TSaga, PostgresSagaRepositoryContextFactory<TSaga>>();
            services.RegisterSagaRepository<TSaga, PostgresSagaStore<TSaga>,
                SagaConsumeContextFactory<PostgresSagaStore<TSaga>, TSaga>, PostgresSagaRepositoryContextFactory<TSaga>>();
        });
        return configurator;
    }

    /// <summary>
    /// Tries a message again at once when another one changed its saga meanwhile, and waits for a database that is away: that is no
    /// fault of the message, which would end in the error queue. For the saga's definition, after its other retries.
    /// </summary>
    public static void UseSagaRetry(this IConsumePipeConfigurator endpoint)
    {
        endpoint.UseDatabaseOutageRetry();
        endpoint.UseMessageRetry(retry =>
        {
            retry.Handle<ConcurrencyException>();
            retry.Interval(ConflictRetries, ConflictPause);
        });
    }

    /// <summary>Keeps a message until a database that is away is back. For a consumer that writes to PostgreSQL.</summary>
    public static void UseDatabaseOutageRetry(this IConsumePipeConfigurator endpoint) =>
        endpoint.UseMessageRetry(retry =>
        {
            retry.Handle<Exception>(DatabaseOutage.Is);
            retry.Interval(OutageRetries, OutagePause);
        });
}
