using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Verifier.Policy;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Verifier.Tests.Policy;

public sealed class SenderHistoriesTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private readonly ManualTime _time = new();
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Domain { get; } = $"{Guid.NewGuid():N}.test";

    public async ValueTask InitializeAsync()
    {
        _database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance).ApplyAsync([SenderHistoryTable.Migration], Stop);
    }

    public async ValueTask DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task A_domain_is_counted_at_once_and_remembered_by_all()
    {
        using var one = Create();
        using var other = Create();
        Assert.Equal(new(), await one.RecallAsync(Domain, Stop));

        var now = _time.GetUtcNow();
        one.Note(Domain, now, Disposition.Accept);
        one.Note(Domain, now.AddMinutes(1), Disposition.Reject);
        one.Note(Domain, now.AddMinutes(2), Disposition.Defer);
        var expected = new SenderHistory { FirstSeen = now, LastSeen = now.AddMinutes(1), Accepted = 1, Refused = 1 };
        Assert.Equal(expected, await one.RecallAsync(Domain, Stop));

        await one.WriteAsync(Stop);
        Assert.Equal(expected, await one.RecallAsync(Domain, Stop));
        Assert.Equal(expected, await other.RecallAsync(Domain, Stop));

        other.Note(Domain, now.AddMinutes(3), Disposition.Accept);
        await other.WriteAsync(Stop);
        var both = expected with { LastSeen = now.AddMinutes(3), Accepted = 2 };
        Assert.Equal(both, await other.RecallAsync(Domain, Stop));

        // Within a minute the others see it too.
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(both, await one.RecallAsync(Domain, Stop));
    }

    [Fact]
    public async Task What_could_not_be_written_is_written_later()
    {
        var builder = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Options = "-c default_transaction_read_only=on" };
        await using var readOnly = NpgsqlDataSource.Create(builder.ConnectionString);
        using var histories = Create(readOnly);
        histories.Note(Domain, _time.GetUtcNow(), Disposition.Accept);
        await Assert.ThrowsAsync<PostgresException>(() => histories.WriteAsync(Stop));
        histories.Note(Domain, _time.GetUtcNow(), Disposition.Accept);
        Assert.Equal(2, (await histories.RecallAsync(Domain, Stop))!.Accepted);
        await Assert.ThrowsAsync<PostgresException>(() => histories.WriteAsync(Stop));
        Assert.Equal(2, (await histories.RecallAsync(Domain, Stop))!.Accepted);
    }

    [Fact]
    public async Task Names_that_were_seen_once_go_early()
    {
        var table = new SenderHistoryTable(_database);
        var now = _time.GetUtcNow();
        await table.AddAsync([new($"once.{Domain}", now.AddDays(-40), now.AddDays(-40), 1, 0), new($"regular.{Domain}", now.AddDays(-50), now.AddDays(-40), 5, 0)], Stop);
        await table.PruneAsync(now, TimeSpan.FromDays(400), TimeSpan.FromDays(30), Stop);
        Assert.Null((await table.ReadAsync($"once.{Domain}", Stop)).FirstSeen);
        Assert.Equal(5, (await table.ReadAsync($"regular.{Domain}", Stop)).Accepted);
    }

    [Fact]
    public async Task What_is_not_counted_is_not_known()
    {
        using var counting = Create();
        counting.Note(Domain, _time.GetUtcNow(), Disposition.Accept);
        await counting.WriteAsync(Stop);
        using var histories = Create(isCounting: false);
        histories.Note(Domain, _time.GetUtcNow(), Disposition.Accept);
        Assert.Null(await histories.RecallAsync(Domain, Stop));
        Assert.Null(await histories.RecallAsync($"new.{Domain}", Stop));
    }

    private SenderHistories Create(NpgsqlDataSource? database = null, bool isCounting = true) =>
        new(new(database ?? _database), Options.Create(new MailkeyOptions { Policy = { History = isCounting } }), _time, NullLogger<SenderHistories>.Instance);
}
