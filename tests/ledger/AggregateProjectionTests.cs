using Mailkey.Ledger.Events;
using Mailkey.Ledger.Subscriptions;
using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Ledger.Tests;

public sealed class AggregateProjectionTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    // As it was before accounts could be closed.
    private static readonly EventCatalog Older = new EventCatalog().Add("opened", TestJson.Default.Opened).Add("paid", TestJson.Default.Paid, _ => { }, _ => { });

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static AggregateProjection<Account> NewList() =>
        new("account-list", "account-", Account.None, Account.Evolve, TestJson.Default.Account, [new("owner", account => account.Owner, Indexed: true)]);

    /// <summary>Two versions of the program run beside each other while the system is upgraded.</summary>
    [Fact]
    public async Task A_row_stops_before_what_a_newer_program_wrote_and_that_one_goes_on_from_there()
    {
        var list = NewList();
        await using var ledger = await LedgerDatabase.CreateAsync(postgres, list);
        var (ann, bob, eve) = (LedgerDatabase.NewAccount(), LedgerDatabase.NewAccount(), LedgerDatabase.NewAccount());
        await ledger.AppendAsync(ann, new Opened("ann"), new Paid(5, "EUR"), new Closed(), new Opened("ann again"));
        await ledger.AppendAsync(bob, new Opened("bob"));
        await ledger.AppendAsync(eve, new Closed());

        SubscriptionReader older = new(ledger.Source, ledger.Store, Older);
        Assert.Equal(6, await older.AdvanceAsync(list, ledger.Schema, null, Stop));
        Assert.Equal(["ann 5 2", "bob 0 1"], await RowsAsync(ledger));

        // And not by a later event that it does know.
        await ledger.AppendAsync(ann, new Paid(3, "EUR"));
        Assert.Equal(1, await older.AdvanceAsync(list, ledger.Schema, null, Stop));
        Assert.Equal(["ann 5 2", "bob 0 1"], await RowsAsync(ledger));

        await ledger.AppendAsync(ann, new Paid(4, "EUR"));
        await ledger.AppendAsync(bob, new Paid(1, "EUR"));
        await ledger.AppendAsync(eve, new Opened("eve"));
        Assert.Equal(3, await ledger.Reader.AdvanceAsync(list, ledger.Schema, null, Stop));
        Assert.Equal(["ann again 7 6", "bob 1 2", "eve 0 2"], await RowsAsync(ledger));

        // The rows are what they are when made again from the first event.
        var replay = await new ProjectionReplay(ledger.Source, ledger.Store, Account.Catalog).RunAsync(list, ledger.Schema, replace: false, null, Stop);
        Assert.Empty(replay.Differences);
    }

    private static async Task<string[]> RowsAsync(LedgerDatabase ledger) => (await ledger.ScalarAsync<string>(
        $"SELECT string_agg(concat_ws(' ', owner, state->>'balance', version), ',' ORDER BY owner) FROM {ledger.Schema}.account_list")).Split(',');
}
