using Mailkey.Messaging.Sagas;
using Mailkey.Testkit.Infrastructure;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Mailkey.Messaging.Tests.Sagas;

public sealed class SagaOutageTests(PostgresServer postgres, RabbitMqServer rabbit) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private readonly ErrandLog _log = new();

    [Fact]
    public async Task Timer_that_comes_due_without_a_broker_fires_when_the_broker_is_back()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var own = await OwnRabbitMqServer.StartNewAsync(stop);
        await using var host = await StartAsync(postgres.ConnectionString, own.Uri);
        var id = Guid.CreateVersion7();
        await host.Bus.Publish(new ErrandStarted(id, TimeSpan.FromSeconds(2), Wakes: 1, Note: ""), stop);
        await host.EventuallyAsync("SELECT count(*) FROM service.timers", 1L);

        await own.KillAsync(stop);
        await own.StartAsync(stop);

        Assert.Equal(id, await _log.NextDoneAsync(TimeSpan.FromSeconds(60)));
        await host.EventuallyAsync("SELECT count(*) FROM service.timers", 0L);
    }

    [Fact]
    public async Task Saga_waits_for_a_database_that_was_killed()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var own = await OwnPostgresServer.StartNewAsync(stop);
        await using var host = await StartAsync(own.ConnectionString, rabbit.Uri);
        var first = Guid.CreateVersion7();
        await host.Bus.Publish(new ErrandStarted(first, TimeSpan.FromSeconds(2), Wakes: 1, Note: ""), stop);
        await host.EventuallyAsync("SELECT count(*) FROM service.timers", 1L);

        await own.KillAsync(stop);
        var second = Guid.CreateVersion7();
        await host.Bus.Publish(new ErrandStarted(second, TimeSpan.Zero, Wakes: 1, Note: ""), stop);
        await own.StartAsync(stop);

        HashSet<Guid> done = [await _log.NextDoneAsync(TimeSpan.FromSeconds(60)), await _log.NextDoneAsync(TimeSpan.FromSeconds(60))];
        Assert.Equal([first, second], done.Order());
    }

    private Task<BusHost> StartAsync(string database, string broker) => BusHost.StartAsync(
        database,
        broker,
        services => services.AddSingleton(_log),
        bus => bus.AddSagaStateMachine<ErrandStateMachine, Errand>(typeof(ErrandDefinition)).PostgresRepository("service"));
}
