using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

/// <summary>One running system with its own name server, for scenarios that break nothing.</summary>
public sealed class RunningSystem : IAsyncLifetime
{
    private OwnSystem _own = null!;

    internal SenderDomain Published { get; } = new("published.test");

    internal UnboundServer Dns => _own.Dns;

    internal MailkeySystem System => _own.System;

    public async ValueTask InitializeAsync()
    {
        // unpublished.test exists, but has no mailkey host; nor has example.test.
        _own = await OwnSystem.PrepareAsync([Published.Record, "unpublished.test. 300 IN A 127.0.0.1"], brokenZones: ["broken.test."]);
        await System.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }

        Published.Dispose();
    }
}

/// <summary>Scenarios that share <see cref="RunningSystem"/>.</summary>
[CollectionDefinition(Name)]
public sealed class RunningSystemScenarios : ICollectionFixture<RunningSystem>
{
    public const string Name = "running system";
}
