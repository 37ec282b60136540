using Mailkey.Contracts;
using Mailkey.Hosting;
using Mailkey.Ledger;
using Mailkey.Messaging.Journal;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mailkey.Journal.Tests;

/// <summary>The journal service without its HTTP listener, and a writer of journal events.</summary>
internal static class JournalHost
{
    // MassTransit remembers the first logger factory of a test, which therefore outlives the host.
    private static readonly ILoggerFactory Logs = LoggerFactory.Create(logging => logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Critical));

    public static async Task<IHost> StartAsync(string postgres, string rabbit, CancellationToken cancellationToken)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(
        [
            new("Mailkey:Postgres:ConnectionString", postgres),
            new("Mailkey:RabbitMq:Uri", rabbit),
            new("Mailkey:Journal:Retention", "30.00:00:00"),
        ]);
        builder.Services.AddLogging();
        builder.Services.AddSingleton(Logs);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(new ServiceIdentity("journal"));
        builder.Services.AddMailkeyOptions(builder.Configuration);
        builder.Services.AddMessageJournal();
        builder.Services.AddJournal();
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        var host = builder.Build();
        await host.StartAsync(cancellationToken);
        return host;
    }

    /// <summary>Tells the journal of an acceptance; returns when the broker has it.</summary>
    public static async Task TellAsync(IServiceProvider services, MessageAccepted message, CancellationToken cancellationToken)
    {
        var journal = services.GetRequiredService<IJournal>();
        journal.AppendAcceptance(message);
        await journal.FlushAsync(cancellationToken);
    }

    public static async Task<List<StoredEvent>> StreamAsync(IServiceProvider services, string queueId, int atLeast, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        for (var tries = 0; ; tries++)
        {
            List<StoredEvent> events = [];
            await foreach (var e in services.GetRequiredService<IEventStore>().ReadStreamAsync(queueId, 0, null, cancellationToken))
            {
                events.Add(e);
            }

            if (events.Count >= atLeast || tries == 1500)
            {
                Assert.True(events.Count >= atLeast, $"{events.Count} of {atLeast} events of {queueId} arrived");
                return events;
            }

            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }
}
