using Mailkey.Ledger.Events;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Ledger.Tests;

public sealed class AggregatesTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Decisions_at_the_same_time_all_count_and_none_is_made_on_an_old_state()
    {
        await using var ledger = await LedgerDatabase.CreateAsync(postgres);
        var stream = LedgerDatabase.NewAccount();
        await ledger.AppendAsync(stream, new Opened("ann"), new Paid(4, "EUR"));

        // Six want to take one, four can have it.
        var taken = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => ledger.Accounts.DecideAsync(stream, Take, "user:ann", null, Stop)));

        Assert.Equal(4, taken.Count(decision => decision.Result));
        var account = await ledger.Accounts.LoadAsync(stream, null, Stop);
        Assert.Equal((6L, 0L), (account.Version, account.State.Balance));

        static (IReadOnlyList<object>, bool) Take(Account account) => account.Balance > 0 ? ([new Paid(-1, "EUR")], true) : ([], false);
    }

    [Fact]
    public async Task Decision_without_events_appends_nothing()
    {
        await using var ledger = await LedgerDatabase.CreateAsync(postgres);
        var stream = LedgerDatabase.NewAccount();

        var (account, said) = await ledger.Accounts.DecideAsync<string>(stream, _ => ([], "no"), "user:ann", null, Stop);

        Assert.Equal(("no", 0L), (said, account.Version));
        Assert.Empty(await ledger.ReadAsync(stream));
    }

    [Fact]
    public async Task Stream_is_read_as_it_was()
    {
        await using var ledger = await LedgerDatabase.CreateAsync(postgres);
        var stream = LedgerDatabase.NewAccount();
        await ledger.AppendAsync(stream, new Opened("ann"), new Paid(1, "EUR"));
        var then = (await ledger.ReadAsync(stream))[^1].At;
        await ledger.ExecuteAsync($"UPDATE {ledger.Schema}.mt_events SET timestamp = timestamp - interval '1 hour'");
        await ledger.AppendAsync(stream, new Paid(2, "EUR"));

        Assert.Equal(1, (await ledger.Accounts.LoadAsync(stream, then.AddMinutes(-30), Stop)).State.Balance);
        Assert.Equal(3, (await ledger.Accounts.LoadAsync(stream, null, Stop)).State.Balance);
        Assert.Equal(Account.None, (await ledger.Accounts.LoadAsync(stream, then.AddHours(-2), Stop)).State);
    }

    [Fact]
    public async Task Nobody_decides_on_events_that_he_cannot_read()
    {
        await using var ledger = await LedgerDatabase.CreateAsync(postgres);
        var stream = LedgerDatabase.NewAccount();
        await ledger.AppendAsync(stream, new Opened("ann"));
        await ledger.ExecuteAsync($"UPDATE {ledger.Schema}.mt_events SET type = 'opened.v9'");

        var fault = await Assert.ThrowsAsync<UnknownEventException>(() => ledger.AppendAsync(stream, new Paid(1, "EUR")));
        Assert.Contains("opened.v9", fault.Message, StringComparison.Ordinal);
    }
}
