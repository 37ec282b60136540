using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

/// <summary>One running system with its own name server, for scenarios that break nothing.</summary>
public sealed class RunningSystem : IAsyncLifetime
{
    private readonly PostgresServer _postgres = new();
    private readonly RabbitMqServer _rabbitMq = new();

    internal SenderDomain Published { get; } = new("published.test");

    internal UnboundServer Dns { get; private set; } = null!;

    internal MailkeySystem System { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Task.WhenAll(_postgres.InitializeAsync().AsTask(), _rabbitMq.InitializeAsync().AsTask());
        // unpublished.test and example.test exist, but have no mailkey host.
        Dns = await UnboundServer.StartAsync([Published.Record, "unpublished.test. 300 IN A 127.0.0.1", "example.test. 300 IN A 127.0.0.1"], ["broken.test."]);
        System = new MailkeySystem(_postgres.ConnectionString, _rabbitMq.Uri, Dns.Resolver);
        await System.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (System is not null)
        {
            await System.DisposeAsync();
        }

        if (Dns is not null)
        {
            await Dns.DisposeAsync();
        }

        Published.Dispose();
        await _rabbitMq.DisposeAsync();
        await _postgres.DisposeAsync();
    }
}

/// <summary>Scenarios that share <see cref="RunningSystem"/>.</summary>
[CollectionDefinition(Name)]
public sealed class RunningSystemScenarios : ICollectionFixture<RunningSystem>
{
    public const string Name = "running system";
}
