using Mailkey.Ledger.Subscriptions;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Ledger.Tests;

public sealed class ProjectionReplayTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replay_gives_what_is_live_and_leaves_nothing_behind()
    {
        var balances = new Balances();
        await using var ledger = await FilledAsync(balances);
        await ledger.AdvanceAsync(balances);
        List<ReplayProgress> progress = [];

        var result = await NewReplay(ledger).RunAsync(balances, ledger.Schema, replace: false, new Progress(progress), Stop);

        Assert.Equal((40L, 10L, false), (result.Events, result.Rows, result.Replaced));
        Assert.Empty(result.Differences);
        Assert.Equal(40, progress[^1].Events);
        Assert.Equal(progress[^1].UpTo, progress[^1].Position);
        Assert.Equal(0L, await ledger.ScalarAsync<long>($"SELECT count(*) FROM pg_namespace WHERE nspname LIKE '{ledger.Schema}\\_replay%'"));
    }

    [Fact]
    public async Task Live_one_that_is_behind_is_not_a_difference()
    {
        var balances = new Balances();
        await using var ledger = await FilledAsync(balances);

        Assert.Empty((await NewReplay(ledger).RunAsync(balances, ledger.Schema, replace: false, null, Stop)).Differences);

        Assert.Equal(40, await ledger.AdvanceAsync(balances));
    }

    [Fact]
    public async Task Difference_is_named_and_mended()
    {
        var balances = new Balances();
        await using var ledger = await FilledAsync(balances);
        await ledger.AdvanceAsync(balances);
        await ledger.ExecuteAsync($"UPDATE {ledger.Schema}.balances SET balance = 1000 WHERE owner = 'owner 3'");
        await ledger.ExecuteAsync($"DELETE FROM {ledger.Schema}.balances WHERE owner = 'owner 4'");

        var differences = (await NewReplay(ledger).RunAsync(balances, ledger.Schema, replace: true, null, Stop)).Differences;

        Assert.Equal(["live owner 3", "replayed owner 3", "replayed owner 4"], differences.Select(d => $"{d.Side} {d.Row.Split("\"owner\": \"")[1].Split('"')[0]}").Order());
        Assert.Empty((await NewReplay(ledger).RunAsync(balances, ledger.Schema, replace: false, null, Stop)).Differences);
    }

    [Fact]
    public async Task Replay_replaces_the_live_one_while_events_go_on()
    {
        var balances = new Balances();
        await using var ledger = await FilledAsync(balances);
        await ledger.AdvanceAsync(balances);
        using var enough = new CancellationTokenSource();
        var writer = Task.Run(
            async () =>
            {
                var appended = 0;
                for (; !enough.IsCancellationRequested; appended += 2)
                {
                    await ledger.AppendAsync(LedgerDatabase.NewAccount(), new Opened("new"), new Paid(1, "EUR"));
                    await ledger.Reader.AdvanceAsync(balances, ledger.Schema, null, Stop);
                }

                return appended;
            },
            Stop);

        for (var i = 0; i < 5; i++)
        {
            var result = await NewReplay(ledger).RunAsync(balances, ledger.Schema, replace: true, null, Stop);
            Assert.Empty(result.Differences);
            Assert.True(result.Replaced);
        }

        await enough.CancelAsync();
        var appended = await writer;
        await ledger.AdvanceAsync(balances);

        Assert.True(appended > 0);
        Assert.Equal(40L + appended, await ledger.ScalarAsync<long>($"SELECT sum(events)::bigint FROM {ledger.Schema}.balances"));
        Assert.Empty((await NewReplay(ledger).RunAsync(balances, ledger.Schema, replace: false, null, Stop)).Differences);
    }

    private static ProjectionReplay NewReplay(LedgerDatabase ledger) => new(ledger.Source, ledger.Store, Account.Catalog);

    private async Task<LedgerDatabase> FilledAsync(Balances balances)
    {
        var ledger = await LedgerDatabase.CreateAsync(postgres, balances);
        for (var i = 0; i < 10; i++)
        {
            await ledger.AppendAsync(LedgerDatabase.NewAccount(), new Opened($"owner {i}"), new Paid(i, "EUR"), new Paid(1, "EUR"), new Paid(2, "EUR"));
        }

        return ledger;
    }

    private sealed class Progress(List<ReplayProgress> reports) : IProgress<ReplayProgress>
    {
        public void Report(ReplayProgress value) => reports.Add(value);
    }
}
