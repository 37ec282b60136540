using Mailkey.Hosting.Postgres;
using Mailkey.Journal.Append;
using Mailkey.Journal.Retention;
using Mailkey.Journal.Search;
using Mailkey.Ledger;
using Mailkey.Messaging;
using MassTransit;
using Npgsql;

namespace Mailkey.Journal;

/// <summary>Everything that the journal registers.</summary>
public static class JournalServices
{
    /// <summary>The schema that the journal owns.</summary>
    public const string Schema = "journal";

    public static IServiceCollection AddMessageJournal(this IServiceCollection services)
    {
        services.AddSchemaMigrations([.. PostgresEventStore.Migrations(Schema), .. MessagesTable.Migrations(Schema)]);
        services.AddSingleton(provider => new PostgresEventStore(provider.GetRequiredService<NpgsqlDataSource>(), Schema));
        services.AddSingleton<IEventStore>(provider => provider.GetRequiredService<PostgresEventStore>());
        services.AddSingleton(new MessagesTable(Schema));

        // Before the bus, so that it starts before the first message comes and stops after the last one was written.
        services.AddSingleton<JournalAppender>();
        services.AddHostedService(provider => provider.GetRequiredService<JournalAppender>());
        services.AddHostedService<RetentionService>();
        services.AddMailkeyBus(bus => bus.AddConsumer<JournalEntriesConsumer, JournalEntriesDefinition>());
        services.AddBrokerUpkeep();
        return services;
    }
}
