using Mailkey.Messaging.Sagas;
using Mailkey.Testkit.Infrastructure;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Mailkey.Messaging.Tests.Sagas;

public sealed class PostgresSagaTests(PostgresServer postgres, RabbitMqServer rabbit) : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private readonly ErrandLog _log = new();

    [Fact]
    public async Task Saga_wakes_by_its_timer_and_is_removed_when_final()
    {
        await using var host = await StartAsync();
        var id = Guid.CreateVersion7();

        await host.Bus.Publish(new ErrandStarted(id, TimeSpan.FromMilliseconds(100), Wakes: 3, Note: "a"));

        Assert.Equal(id, await _log.NextDoneAsync());
        Assert.Equal(3, _log.Wakes.Count);
        await host.EventuallyAsync($"SELECT count(*) FROM service.errand WHERE correlation_id = '{id}'", 0L);
        await host.EventuallyAsync($"SELECT count(*) FROM service.timers WHERE envelope::text LIKE '%{id}%'", 0L);
    }

    [Fact]
    public async Task Timer_without_delay_finds_its_saga()
    {
        await using var host = await StartAsync();
        var ids = Enumerable.Range(0, 50).Select(_ => Guid.CreateVersion7()).ToHashSet();

        await Task.WhenAll(ids.Select(id => host.Bus.Publish(new ErrandStarted(id, TimeSpan.Zero, Wakes: 2, Note: ""))));

        while (ids.Count > 0)
        {
            ids.Remove(await _log.NextDoneAsync());
        }
    }

    [Fact]
    public async Task Messages_at_the_same_time_make_one_instance_and_all_of_them_count()
    {
        await using var host = await StartAsync();
        var id = Guid.CreateVersion7();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => host.Bus.Publish(new ErrandTouched(id))));

        await host.EventuallyAsync($"SELECT coalesce(max((state->>'touches')::bigint), 0) FROM service.errand WHERE correlation_id = '{id}'", 8L);
        Assert.Equal(7L, await host.ScalarAsync<long>($"SELECT version FROM service.errand WHERE correlation_id = '{id}'"));
        Assert.Equal("Waiting", await host.ScalarAsync<string>($"SELECT current_state FROM service.errand WHERE correlation_id = '{id}'"));
    }

    [Fact]
    public async Task Called_off_saga_takes_its_timer_along()
    {
        await using var host = await StartAsync();
        var id = Guid.CreateVersion7();
        await host.Bus.Publish(new ErrandStarted(id, TimeSpan.FromHours(1), Wakes: 1, Note: ""));

        // Not any timer: one of an earlier test would let the end overtake the beginning.
        await host.EventuallyAsync($"SELECT count(*) FROM service.errand WHERE correlation_id = '{id}'", 1L);
        await host.EventuallyAsync($"SELECT count(*) FROM service.timers WHERE envelope::text LIKE '%{id}%'", 1L);

        await host.Bus.Publish(new ErrandCalledOff(id));

        Assert.Equal(id, await _log.NextDoneAsync());
        await host.EventuallyAsync($"SELECT count(*) FROM service.timers WHERE envelope::text LIKE '%{id}%'", 0L);
        await host.EventuallyAsync($"SELECT count(*) FROM service.errand WHERE correlation_id = '{id}'", 0L);
        Assert.Empty(_log.Wakes);
    }

    [Fact]
    public async Task Timer_that_came_due_while_nobody_ran_fires_after_the_restart()
    {
        var id = Guid.CreateVersion7();
        await using (var before = await StartAsync())
        {
            await before.Bus.Publish(new ErrandStarted(id, TimeSpan.FromSeconds(2), Wakes: 1, Note: ""));
            await before.EventuallyAsync($"SELECT count(*) FROM service.timers WHERE envelope::text LIKE '%{id}%'", 1L);
        }

        Assert.Empty(_log.Wakes);
        await using var after = await StartAsync();
        Assert.Equal(id, await _log.NextDoneAsync());
    }

    [Fact]
    public async Task Replicas_share_the_timers()
    {
        await using var one = await StartAsync();
        await using var two = await StartAsync();
        var ids = Enumerable.Range(0, 100).Select(_ => Guid.CreateVersion7()).ToHashSet();

        await Task.WhenAll(ids.Select(id => one.Bus.Publish(new ErrandStarted(id, TimeSpan.FromSeconds(1), Wakes: 1, Note: ""))));
        while (ids.Count > 0)
        {
            ids.Remove(await _log.NextDoneAsync());
        }

        Assert.Equal(100, _log.Wakes.Count);
    }

    [Fact]
    public async Task Octet_that_jsonb_cannot_hold_does_not_stop_a_saga()
    {
        await using var host = await StartAsync();
        var id = Guid.CreateVersion7();

        await host.Bus.Publish(new ErrandStarted(id, TimeSpan.FromHours(1), Wakes: 1, Note: "a\0b\\u0000"));

        await host.EventuallyAsync($"SELECT count(*) FROM service.errand WHERE correlation_id = '{id}'", 1L);
        Assert.Equal("a\uFFFDb\\u0000", await host.ScalarAsync<string>($"SELECT state->>'note' FROM service.errand WHERE correlation_id = '{id}'"));
        await host.Bus.Publish(new ErrandCalledOff(id));
        Assert.Equal(id, await _log.NextDoneAsync());
    }

    [Fact]
    public async Task Scheduler_outside_of_a_saga_sends_through_the_same_timers()
    {
        await using var host = await StartAsync();
        var id = Guid.CreateVersion7();
        await host.Bus.Publish(new ErrandTouched(id));
        await host.EventuallyAsync($"SELECT count(*) FROM service.errand WHERE correlation_id = '{id}'", 1L);

        await using var scope = host.Services.CreateAsyncScope();
        var scheduler = scope.ServiceProvider.GetRequiredService<IMessageScheduler>();
        await scheduler.ScheduleSend(new Uri("exchange:errand"), TimeProvider.System.GetUtcNow().UtcDateTime, new ErrandCalledOff(id));

        Assert.Equal(id, await _log.NextDoneAsync());
    }

    private Task<BusHost> StartAsync() => BusHost.StartAsync(
        postgres.ConnectionString,
        rabbit.Uri,
        services => services.AddSingleton(_log),
        bus => bus.AddSagaStateMachine<ErrandStateMachine, Errand>(typeof(ErrandDefinition)).PostgresRepository("service"));
}
