using Mailkey.Hosting;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mailkey.Messaging.Tests;

/// <summary>One process of a service, as far as a test needs it: options, bus, hosted services.</summary>
internal sealed class BusHost : IAsyncDisposable
{
    // MassTransit remembers the first logger factory of a test, which therefore outlives the host.
    private static readonly ILoggerFactory Logs = LoggerFactory.Create(logging => logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning));

    private readonly IHost _host;

    private BusHost(IHost host) => _host = host;

    public IServiceProvider Services => _host.Services;

    public IBus Bus => _host.Services.GetRequiredService<IBus>();

    public NpgsqlDataSource Database => _host.Services.GetRequiredService<NpgsqlDataSource>();

    public static async Task<BusHost> StartAsync(
        string postgres, string rabbit, Action<IServiceCollection>? services = null, Action<IBusRegistrationConfigurator>? bus = null,
        Action<IServiceCollection>? afterBus = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(
        [
            new("Mailkey:Postgres:ConnectionString", postgres),
            new("Mailkey:RabbitMq:Uri", rabbit),
        ]);
        builder.Services.AddLogging();
        builder.Services.AddSingleton(Logs);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(new ServiceIdentity("test"));
        builder.Services.AddMailkeyOptions(builder.Configuration);
        services?.Invoke(builder.Services);
        builder.Services.AddMailkeyBus(bus);
        afterBus?.Invoke(builder.Services);
        builder.Services.Configure<MassTransitHostOptions>(options =>
        {
            options.WaitUntilStarted = true;
            options.StartTimeout = TimeSpan.FromSeconds(30);
        });
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return new(host);
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    /// <summary>Waits for a row that is written after the state machine has reported.</summary>
    public async Task EventuallyAsync(string sql, long expected)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        for (var tries = 0; tries < 1000 && await ScalarAsync<long>(sql) != expected; tries++)
        {
            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(expected, await ScalarAsync<long>(sql));
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}
