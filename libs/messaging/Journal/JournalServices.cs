using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mailkey.Messaging.Journal;

/// <summary>How a service comes to its journal.</summary>
public static class JournalServices
{
    /// <summary>Registers <see cref="IJournal"/>. Call it after <see cref="BusServices.AddMailkeyBus"/>, so that it stops before the bus.</summary>
    public static IServiceCollection AddJournal(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(provider => new JournalWriter(
            // Asked for when there is something to publish: a saga that writes to the journal is part of the bus, and would
            // wait here for the bus that waits for it.
            (entries, cancellationToken) => provider.GetRequiredService<IBus>().Publish(entries, cancellationToken),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<JournalWriter>>()));
        services.TryAddSingleton<IJournal>(provider => provider.GetRequiredService<JournalWriter>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, JournalFlush>());
        return services;
    }

    /// <summary>Sees to it that a service which stops in good order leaves no events behind.</summary>
    private sealed class JournalFlush(JournalWriter journal, IBus bus, TimeProvider time, ILogger<JournalWriter> logger)
        : IHostedService, IReceiveEndpointObserver
    {
        /// <summary>A stop does not wait for a broker that is away.</summary>
        private static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(5);

        public Task StartAsync(CancellationToken cancellationToken)
        {
            bus.ConnectReceiveEndpointObserver(this);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => FlushAsync();

        // The bus stops after this service: what its consumers appended with their last messages goes out here, while it can still send.
        public Task Completed(ReceiveEndpointCompleted completed) => FlushAsync();

        public Task Ready(ReceiveEndpointReady ready) => Task.CompletedTask;

        public Task Stopping(ReceiveEndpointStopping stopping) => Task.CompletedTask;

        public Task Faulted(ReceiveEndpointFaulted faulted) => Task.CompletedTask;

        private async Task FlushAsync()
        {
            using var timeout = new CancellationTokenSource(FlushTimeout, time);
            try
            {
                await journal.FlushAsync(timeout.Token);
            }
            catch (OperationCanceledException) when (timeout.IsCancellationRequested)
            {
                logger.LogError("Stopping without a broker: the last events of the journal are lost");
            }
        }
    }
}
