using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

/// <summary>A system with its own servers and name server, for a scenario that changes them; it ends from the top down.</summary>
internal sealed class OwnSystem : IAsyncDisposable
{
    // Longest time that a scenario waits for something.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly PostgresServer _postgres = new();
    private readonly RabbitMqServer _rabbitMq = new();

    private OwnSystem()
    {
    }

    public UnboundServer Dns { get; private set; } = null!;

    public MailkeySystem System { get; private set; } = null!;

    /// <summary>Connection string of the database of all services.</summary>
    public string Postgres => _postgres.ConnectionString;

    /// <summary>Starts the servers; the services are the caller's to start.</summary>
    /// <param name="records">What is in the DNS, besides the domain that is hosted here.</param>
    /// <param name="brokenZones">Zones about which there is never an answer.</param>
    public static async Task<OwnSystem> PrepareAsync(
        IEnumerable<string> records, IReadOnlyDictionary<string, string>? settings = null, IEnumerable<string>? brokenZones = null)
    {
        var own = new OwnSystem();
        try
        {
            await Task.WhenAll(own._postgres.InitializeAsync().AsTask(), own._rabbitMq.InitializeAsync().AsTask());
            own.Dns = await UnboundServer.StartAsync([.. records, "example.test. 300 IN A 127.0.0.1"], brokenZones);
            own.System = new MailkeySystem(own._postgres.ConnectionString, own._rabbitMq.Uri, own.Dns.Resolver, settings);
            return own;
        }
        catch
        {
            await own.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts what the public page needs, with two verifiers.</summary>
    public Task StartWithPageAsync(CancellationToken cancellationToken) =>
        System.StartAsync(["journal", "delivery", "status", "verifier-1", "verifier-2", "ingress"], cancellationToken);

    /// <summary>Sends until ten replies in a row begin with a code: each verifier is asked for some of them.</summary>
    public async Task ExpectAsync(string code, Func<Task<string>> send)
    {
        var inARow = 0;
        await EventuallyAsync(async () => inARow = (await send()).StartsWith(code, StringComparison.Ordinal) ? inARow + 1 : 0, count => count == 10);
    }

    /// <summary>Returns the first value that satisfies a condition; the logs say why there was none.</summary>
    public Task<T> EventuallyAsync<T>(Func<Task<T>> get, Func<T, bool> until) => Eventually.GetAsync(get, until, Limit, () => System.Logs());

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

        await _rabbitMq.DisposeAsync();
        await _postgres.DisposeAsync();
    }
}
