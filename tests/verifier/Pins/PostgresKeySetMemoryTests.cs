using Mailkey.Authentication.Keys;
using Mailkey.Hosting.Postgres;
using Mailkey.Senders;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Verifier.Pins;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Verifier.Tests.Pins;

public sealed class PostgresKeySetMemoryTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private readonly ManualTime _time = new(TimeProvider.System.GetUtcNow());
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Parallel and repeated tests share the table: each has names of its own.
    private string Domain { get; } = $"{Guid.NewGuid():N}.test";

    private DateTimeOffset Now => new(_time.GetUtcNow().Ticks / 10 * 10, TimeSpan.Zero); // PostgreSQL keeps microseconds

    public async ValueTask InitializeAsync()
    {
        _database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance).ApplyAsync(SenderSchema.Migrations, Stop);
    }

    public async ValueTask DisposeAsync() => await _database.DisposeAsync();

    private PostgresKeySetMemory Create(int capacity = 1000, int graceDays = 3) =>
        new(new(_database), new(_database), capacity, TimeSpan.FromDays(graceDays), _time, NullLogger<PostgresKeySetMemory>.Instance);

    private async Task<SeenKeySet?> AfterRestartAsync()
    {
        using var memory = Create();
        await memory.StartAsync(Stop);
        await memory.StopAsync(Stop);
        return memory.Recall(Domain);
    }

    [Fact]
    public async Task PostgresKeySetMemory_survives_a_restart()
    {
        var fact = new SeenKeySet(Domain, 42, Now, Now.AddHours(1));
        using (var memory = Create())
        {
            await memory.StartAsync(Stop);
            memory.Remember(fact);
            Assert.Equal(fact, memory.Recall(Domain));
            await memory.StopAsync(Stop);
            Assert.Equal(0, memory.Unwritten);
        }

        Assert.Equal(fact, await AfterRestartAsync());
    }

    [Fact]
    public async Task PostgresKeySetMemory_writes_behind_within_a_second_and_learns_from_the_others()
    {
        using var one = Create();
        using var other = Create();
        await one.StartAsync(Stop);
        await other.StartAsync(Stop);
        one.Remember(new(Domain, 42, Now));
        await one.WorkAsync(Stop);
        Assert.Equal(0, one.Unwritten);
        Assert.Null(other.Recall(Domain));
        _time.Advance(TimeSpan.FromSeconds(30));
        await other.WorkAsync(Stop);
        Assert.Equal(42, other.Recall(Domain)!.Serial);
        Assert.Equal(0, other.Unwritten);
        await one.StopAsync(Stop);
        await other.StopAsync(Stop);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task KeySetPins_merges_as_the_memory_does(bool swapped)
    {
        SeenKeySet[][] pairs =
        [
            [new("a", 5, Now), new("b", 7, Now.AddHours(-1))],
            [new("a", null, Now), new("b", 7, Now)],
            [new("a", 1, Now, Now.AddHours(1)), new("b", 1, Now, Now.AddHours(2))],
            [new("a", 1, Now, Now.AddHours(1)), new("b", 1, Now.AddHours(2))],
            [new("a", 1, Now, Now.AddHours(3)), new("b", 1, Now.AddHours(2))],
            [new("a", null, Now, Now.AddHours(1)), new("b", null, Now.AddHours(-1))],
            [new("a", 9, Now, null, 4, Now.AddHours(1)), new("b", 9, Now, null, 5, Now.AddHours(2))],
            [new("a", 9, Now, null, 4, Now.AddHours(1)), new("b", 9, Now, null, 5, Now.AddHours(1))],
            [new("a", 9, Now, null, 4, Now.AddHours(1)), new("b", 9, Now.AddHours(2))],
            [new("a", 9, Now, Now.AddHours(3), 4, Now.AddHours(1)), new("b", 9, Now.AddHours(2))],
        ];
        var pins = new KeySetPins(_database);
        foreach (var (pair, index) in pairs.Select((pair, index) => (pair, index)))
        {
            var (first, second) = swapped ? (pair[1], pair[0]) : (pair[0], pair[1]);
            var name = $"{index}.{Domain}";
            (first, second) = (first with { Domain = name }, second with { Domain = name });
            await pins.SaveAsync([first], Stop);
            await pins.SaveAsync([second], Stop);
            Assert.Equal(first.Merge(second), (await pins.LoadAsync(10_000, Stop)).Single(fact => fact.Domain == name));
            Assert.Equal(first.Merge(second), second.Merge(first));
        }
    }

    [Fact]
    public async Task PostgresKeySetMemory_forgets_only_who_is_absent()
    {
        using var one = Create();
        await one.StartAsync(Stop);
        one.Remember(new(Domain, 1, Now, Now.AddSeconds(1)));
        await one.WorkAsync(Stop);
        one.Forget(Domain);
        Assert.Null(one.Recall(Domain));

        // Another verifier saw it publish again just then.
        await new KeySetPins(_database).SaveAsync([new(Domain, 1, Now.AddMinutes(1))], Stop);
        await one.WorkAsync(Stop);
        Assert.NotNull(await AfterRestartAsync());

        one.Remember(new(Domain, 1, Now, Now.AddMinutes(2)));
        await one.WorkAsync(Stop);
        one.Forget(Domain);
        await one.StopAsync(Stop);
        Assert.Null(await AfterRestartAsync());
    }

    [Fact]
    public async Task PostgresKeySetMemory_is_bounded_and_keeps_whom_it_knows()
    {
        using var memory = Create(capacity: 2);
        memory.Remember(new($"1.{Domain}", null, Now));
        memory.Remember(new($"2.{Domain}", null, Now));
        memory.Remember(new($"3.{Domain}", null, Now));
        memory.Remember(new($"1.{Domain}", 9, Now));
        Assert.Equal((2, 2), (memory.Count, memory.Unwritten));
        Assert.Null(memory.Recall($"3.{Domain}"));
        Assert.Equal(9, memory.Recall($"1.{Domain}")!.Serial);
    }

    [Fact]
    public async Task KeySetPins_lets_names_that_were_seen_once_go_early()
    {
        var pins = new KeySetPins(_database);
        var old = Now.AddDays(-20);
        await pins.SaveAsync([new($"once.{Domain}", null, old), new($"regular.{Domain}", null, old.AddDays(-3)), new($"new.{Domain}", null, Now)], Stop);
        await pins.SaveAsync([new($"regular.{Domain}", null, old)], Stop);
        var removed = await pins.PruneAsync(Now, TimeSpan.FromDays(400), TimeSpan.FromDays(7), TimeSpan.FromDays(3), Stop);
        Assert.Equal([$"once.{Domain}"], removed.Where(domain => domain.EndsWith(Domain, StringComparison.Ordinal)).ToArray());
        removed = await pins.PruneAsync(Now, TimeSpan.FromDays(19), TimeSpan.FromDays(7), TimeSpan.FromDays(3), Stop);
        Assert.Equal([$"regular.{Domain}"], removed.Where(domain => domain.EndsWith(Domain, StringComparison.Ordinal)).ToArray());
    }

    [Fact]
    public async Task PostgresKeySetMemory_keeps_a_vanished_publisher_until_its_grace_period_ends()
    {
        using var memory = Create();
        await memory.StartAsync(Stop);

        // Seen on one day only; six days later it was found to be gone.
        memory.Remember(new(Domain, 1, Now, Now.AddDays(6)));
        _time.Advance(TimeSpan.FromDays(8));
        await memory.WorkAsync(Stop);
        Assert.NotNull(memory.Recall(Domain));
        Assert.NotNull(await new KeySetPins(_database).FindAsync(Domain, Stop));

        // By more than an hour too much: the worker may have looked shortly before the end, and looks again an hour later.
        _time.Advance(TimeSpan.FromDays(1) + TimeSpan.FromMinutes(61));
        await memory.WorkAsync(Stop);
        Assert.Null(memory.Recall(Domain));
        Assert.Null(await new KeySetPins(_database).FindAsync(Domain, Stop));
        await memory.StopAsync(Stop);
    }

    [Fact]
    public async Task PostgresKeySetMemory_remembers_who_was_seen_once_at_least_as_long_as_the_grace_period()
    {
        using var memory = Create(graceDays: 30);
        await memory.StartAsync(Stop);
        memory.Remember(new(Domain, 1, Now));
        _time.Advance(TimeSpan.FromDays(29));
        await memory.WorkAsync(Stop);
        Assert.NotNull(memory.Recall(Domain));
        _time.Advance(TimeSpan.FromDays(2));
        await memory.WorkAsync(Stop);
        Assert.Null(memory.Recall(Domain));
        await memory.StopAsync(Stop);
    }

    [Fact]
    public async Task PostgresKeySetMemory_forgets_what_another_verifier_removed()
    {
        using var one = Create();
        using var other = Create();
        await one.StartAsync(Stop);
        one.Remember(new(Domain, 1, Now));
        await one.WorkAsync(Stop);
        await other.StartAsync(Stop);
        Assert.NotNull(other.Recall(Domain));
        _time.Advance(TimeSpan.FromDays(8));
        await one.WorkAsync(Stop);
        Assert.Null(one.Recall(Domain));
        await other.WorkAsync(Stop);
        Assert.Null(other.Recall(Domain));
        await one.StopAsync(Stop);
        await other.StopAsync(Stop);
    }

    [Fact]
    public async Task PostgresKeySetMemory_goes_on_without_the_database_and_catches_up()
    {
        var builder = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Host = "127.0.0.1", Port = 1, Timeout = 2 };
        await using var nowhere = NpgsqlDataSource.Create(builder.ConnectionString);
        using var memory = new PostgresKeySetMemory(new(nowhere), new(nowhere), 1000, TimeSpan.FromDays(3), _time, NullLogger<PostgresKeySetMemory>.Instance);
        memory.Remember(new(Domain, 3, Now));
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => memory.WorkAsync(Stop));
        Assert.Equal(1, memory.Unwritten);
        Assert.Equal(3, memory.Recall(Domain)!.Serial);
        await memory.StopAsync(Stop); // says so and does not fail
        Assert.Equal(1, memory.Unwritten);
    }
}
