using Mailkey.Hosting.Options;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Mailkey.Storage;

/// <summary>Registers the content store.</summary>
public static class StorageServices
{
    /// <summary>The store in <c>content</c> of the data folder, and its sweeper.</summary>
    public static IServiceCollection AddContentStore(this IServiceCollection services)
    {
        services.AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<MailkeyOptions>>().Value;
            return new SegmentContentStore(
                new()
                {
                    Folder = Path.Combine(options.DataFolder, "content"),
                    SegmentSize = options.Storage.SegmentSize,
                    SpillSize = options.Storage.SpillSize,
                    OrphanAge = options.Storage.OrphanAge,
                },
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<SegmentContentStore>>());
        });
        services.AddSingleton<IContentStore>(provider => provider.GetRequiredService<SegmentContentStore>());
        services.AddHostedService<ContentSweep>();
        return services;
    }

    /// <summary>Runs the sweeper as long as the service runs.</summary>
    private sealed class ContentSweep(SegmentContentStore store) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            using PeriodicTimer timer = new(store.Options.SweepInterval, store.Time);
            var others = store.Time.GetUtcNow();
            do
            {
                try
                {
                    store.Sweeper.SweepOwn();
                    if (store.Time.GetUtcNow() >= others)
                    {
                        store.Sweeper.SweepOthers();
                        others = store.Time.GetUtcNow() + store.Options.AdoptInterval;
                    }
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // The disk's trouble costs space, not mail: said, and tried again.
                    store.Log.LogError(e, "Content could not be swept");
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
    }
}
