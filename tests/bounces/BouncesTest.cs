using Mailkey.Bounces.Advice;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Bounces.Tests;

/// <summary>A test with a broker and a data folder of its own; the database is its class's.</summary>
public abstract class BouncesTest(PostgresServer postgres) : IAsyncLifetime
{
    private readonly RabbitMqServer rabbit = new();
    private readonly TemporaryFolder folder = new("bounces");

    public ValueTask InitializeAsync() => rabbit.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await rabbit.DisposeAsync();
        folder.Dispose();
    }

    internal Task<BouncesHost> StartAsync(params KeyValuePair<string, string?>[] settings) =>
        StartWithAsync(new NamedConditions(), settings);

    /// <param name="inspector">Null: the service's own.</param>
    internal Task<BouncesHost> StartWithAsync(IDomainInspector? inspector, params KeyValuePair<string, string?>[] settings) =>
        BouncesHost.StartAsync(postgres.ConnectionString, rabbit, folder, inspector, settings);
}
