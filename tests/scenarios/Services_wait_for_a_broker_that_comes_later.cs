using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

/// <summary>
/// A service may be started before its broker, as <c>./run</c> does and as it happens under Compose: it says so in a line, is not
/// ready meanwhile, and needs nobody's help when the broker comes.
/// </summary>
public sealed class Services_wait_for_a_broker_that_comes_later(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    private const string Waiting = "Waiting for RabbitMQ at 127.0.0.1:";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    /// <summary>All that have to do with the broker.</summary>
    private static readonly string[] Services = ["journal", "agreements", "bounces", "delivery", "verifier", "ingress"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task They_are_ready_when_it_is_there()
    {
        await using var broker = await OwnRabbitMqServer.StartNewAsync(Cancellation);
        await broker.StopAsync(Cancellation);
        await using var services = new Started(postgres.ConnectionString, broker.Uri);
        await services.WaitingAsync();
        foreach (var service in services.All)
        {
            Assert.False(await service.IsReadyAsync(Cancellation), service.Name);
        }

        await broker.StartAsync(Cancellation);

        foreach (var service in services.All)
        {
            await service.WaitUntilReadyAsync(Cancellation);
            AssertCalm(service);
        }
    }

    [Fact]
    public async Task They_end_in_good_order_while_they_wait()
    {
        await using var services = new Started(postgres.ConnectionString, $"amqp://mailkey:secret@127.0.0.1:{LoopbackPort.Take()}/");
        await services.WaitingAsync();

        await Task.WhenAll(services.All.Select(service => service.StopAsync()));

        foreach (var service in services.All)
        {
            Assert.Equal((service.Name, 0), (service.Name, service.ExitCode));
            AssertCalm(service);
        }
    }

    // A broker that takes longer than half a minute may be complained about, in one line.
    private static void AssertCalm(ServiceProcess service) => Assert.DoesNotContain(
        service.LogEnd(1000).Split('\n'),
        line => !line.Contains("still waiting", StringComparison.Ordinal) && !line.Contains(".HealthChecks.", StringComparison.Ordinal)
            && (line.Contains(" warn: ", StringComparison.Ordinal) || line.Contains(" fail: ", StringComparison.Ordinal)
                || line.Contains(" crit: ", StringComparison.Ordinal) || line.Contains("   at ", StringComparison.Ordinal)));

    private sealed class Started : IAsyncDisposable
    {
        private readonly TemporaryFolder _logs = new("waiting");
        private readonly MailkeySystem _system;

        public Started(string postgres, string broker)
        {
            _system = new(postgres, broker, "127.0.0.1:53");
            All = [.. Services.Select(name => new ServiceProcess(name, name, _system.Environment, _logs.Path))];
            foreach (var service in All)
            {
                service.Start();
            }
        }

        public IReadOnlyList<ServiceProcess> All { get; }

        public async Task WaitingAsync()
        {
            foreach (var service in All)
            {
                await Eventually.GetAsync(() => service.LogEnd(1000), log => log.Contains(Waiting, StringComparison.Ordinal), Limit, () => service.Name);
                await Eventually.GetAsync(() => service.IsLiveAsync(Cancellation), live => live, Limit, () => service.LogEnd());
                Assert.Single(service.LogEnd(1000).Split('\n'), line => line.Contains(Waiting, StringComparison.Ordinal));
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Task.WhenAll(All.Select(service => service.DisposeAsync().AsTask()));
            await _system.DisposeAsync();
            _logs.Dispose();
        }
    }
}
