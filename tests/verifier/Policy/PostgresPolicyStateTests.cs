using System.Globalization;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Policy;
using Mailkey.Policy.State;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Verifier.Policy;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Verifier.Tests.Policy;

public sealed class PostgresPolicyStateTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly ManualTime _time = new(Start);
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Parallel and repeated tests share the table: each has keys of its own.
    private string Subject { get; } = $"{Guid.NewGuid():N}";

    public async ValueTask InitializeAsync()
    {
        _database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance).ApplyAsync([PolicyStateTable.Migration, SenderHistoryTable.Migration], Stop);
    }

    public async ValueTask DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task Greylisting_survives_a_restart_and_is_shared()
    {
        Assert.NotNull(await Verifier().AskAsync([Greylist(Start)], Stop));

        // Another process, too early; then a third one after the delay.
        var early = await Verifier().AskAsync([Greylist(Start.AddSeconds(59))], Stop);
        Assert.Equal((0, Start.AddMinutes(1)), (early!.Query, early.RetryAt));
        Assert.Null(await Verifier().AskAsync([Greylist(Start.AddSeconds(60))], Stop));

        // Remembered for ten days after the last message, by everybody.
        Assert.Null(await Verifier().AskAsync([Greylist(Start.AddDays(9))], Stop));
        Assert.Null(await Verifier().AskAsync([Greylist(Start.AddDays(18))], Stop));
        Assert.NotNull(await Verifier().AskAsync([Greylist(Start.AddDays(29))], Stop));
    }

    [Fact]
    public async Task A_greylisted_message_that_comes_too_late_begins_anew()
    {
        Assert.NotNull(await Verifier().AskAsync([Greylist(Start)], Stop));
        Assert.NotNull(await Verifier().AskAsync([Greylist(Start.AddHours(2))], Stop));
        Assert.Null(await Verifier().AskAsync([Greylist(Start.AddHours(2).AddMinutes(1))], Stop));
    }

    [Fact]
    public async Task The_rate_of_an_agreement_is_counted_by_all_verifiers_together_and_by_day()
    {
        var current = new CurrentPolicy(Options.Create(new MailkeyOptions()), _time, NullLogger<CurrentPolicy>.Instance);
        PolicyDesk[] desks = [new(current, Verifier(), new NoHistories()), new(current, Verifier(), new NoHistories())];
        AgreementInForce agreement = new()
        {
            Id = Subject,
            Forwarder = "a.example",
            Recipient = "alice@b.example",
            Category = "newsletter",
            Subscription = "offers.a.example",
            Methods = ["auth"],
            Trust = "probation",
            Version = 1,
            Terms = new() { Dnsbl = "check", Spf = "enforce", Mailkey = "enforce", Rate = 3, Size = 1000 },
        };

        foreach (var desk in (PolicyDesk[])[desks[0], desks[1], desks[0]])
        {
            Assert.Equal(Disposition.Accept, (await DecideAsync(desk, Start)).Disposition);
        }

        var beyond = await DecideAsync(desks[1], Start.AddHours(1));
        Assert.Equal((Disposition.Defer, "agreement-rate"), (beyond.Disposition, beyond.Rule));
        Assert.StartsWith("45", beyond.Reply!.Code.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        Assert.Equal(Disposition.Accept, (await DecideAsync(desks[1], Start.AddDays(1))).Disposition);

        async Task<PolicyDecision> DecideAsync(PolicyDesk desk, DateTimeOffset at) => (await desk.DecideAsync(
            new(
                new() { ClientAddress = "192.0.2.1", ClientName = "mail.a.example", Protocol = "ESMTP", Server = "s" },
                new() { ReversePath = "bob@c.example", Recipients = [new() { ForwardPath = agreement.Recipient }] },
                new() { HostState = "absent", Result = "none", Domain = "c.example", Reason = "", Rule = "", Verifier = "", ElapsedMicroseconds = 0 },
                500,
                at),
            agreement,
            Stop)).Decision;
    }

    [Fact]
    public async Task A_rate_limit_holds_over_two_verifiers_at_once()
    {
        var (one, other) = (Verifier(), Verifier());
        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => (i % 2 == 0 ? one : other).AskAsync([RateLimit(Start, 20)], Stop).AsTask()));
        Assert.Equal(20, answers.Count(answer => answer is null));

        // After the period the count begins anew; a restart in between changes nothing.
        Assert.NotNull(await Verifier().AskAsync([RateLimit(Start.AddMinutes(59), 20)], Stop));
        Assert.Null(await Verifier().AskAsync([RateLimit(Start.AddMinutes(60), 20)], Stop));
    }

    [Fact]
    public async Task Queries_behind_the_first_refusal_are_not_touched()
    {
        var refusal = await Verifier().AskAsync([RateLimit(Start, 1, "a"), Greylist(Start), RateLimit(Start, 1, "b")], Stop);
        Assert.Equal(1, refusal!.Query);
        Assert.NotNull(await Verifier().AskAsync([RateLimit(Start, 1, "a")], Stop));
        Assert.Null(await Verifier().AskAsync([RateLimit(Start, 1, "b")], Stop));
    }

    [Fact]
    public async Task What_has_passed_is_not_asked_again_for_a_while()
    {
        var verifier = Verifier();
        Assert.NotNull(await verifier.AskAsync([Greylist(Start)], Stop));
        Assert.Null(await verifier.AskAsync([Greylist(Start.AddMinutes(1))], Stop));
        await using (var forget = _database.CreateCommand("DELETE FROM verifier.policy_state WHERE key = $1"))
        {
            forget.Parameters.Add(new() { Value = Key("g").ToArray() });
            Assert.Equal(1, await forget.ExecuteNonQueryAsync(Stop));
        }

        Assert.Null(await verifier.AskAsync([Greylist(Start.AddMinutes(1))], Stop));
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.NotNull(await verifier.AskAsync([Greylist(Start.AddMinutes(11))], Stop));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_table_decides_as_the_memory_of_a_replay_does(int seed)
    {
        var random = new Random(seed);
        var memory = new MemoryPolicyState();
        var table = new PolicyStateTable(_database);
        var now = Start;
        for (var i = 0; i < 150; i++)
        {
            now += TimeSpan.FromSeconds(random.Next(0, 3) * random.Next(0, 900));
            List<StateQuery> queries = [];
            for (var j = random.Next(1, 4); j > 0; j--)
            {
                queries.Add(random.Next(2) == 0
                    ? Greylist(now) with { Keys = [.. Enumerable.Range(0, random.Next(1, 4)).Select(n => Key($"{random.Next(4)}")).Distinct().OrderBy(key => key.Bits)] }
                    : RateLimit(now, random.Next(1, 4), $"r{random.Next(3)}"));
            }

            Assert.Equal(memory.Ask(queries), await table.AskAsync(queries, Stop));
        }
    }

    [Fact]
    public async Task Without_the_database_mail_goes_on_and_does_not_wait_each_time()
    {
        var builder = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Host = "127.0.0.1", Port = 1, Timeout = 2 };
        await using var nowhere = NpgsqlDataSource.Create(builder.ConnectionString);
        var verifier = Verifier(nowhere);
        Assert.Null(await verifier.AskAsync([Greylist(Start)], Stop));

        // The pause: not even tried. It would be refused if it were.
        Assert.Null(await verifier.AskAsync([Greylist(Start)], Stop));

        var histories = new SenderHistories(new(nowhere), Options.Create(new MailkeyOptions()), _time, NullLogger<SenderHistories>.Instance);
        Assert.Null(await histories.RecallAsync("example.org", Stop));
        histories.Dispose();
    }

    [Fact]
    public async Task Expired_rows_go_and_then_those_that_expire_first()
    {
        await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
        var table = new PolicyStateTable(database);
        await using (var empty = database.CreateCommand("TRUNCATE verifier.policy_state"))
        {
            await empty.ExecuteNonQueryAsync(Stop);
        }

        for (var i = 0; i < 10; i++)
        {
            await table.AskAsync([RateLimit(Start.AddMinutes(i), 5, $"{i}")], Stop);
        }

        // Rows expire an hour after they began: the first three are over at 13:02.
        Assert.Equal(3, await table.CleanAsync(Start.AddMinutes(62), 1000, Stop));
        Assert.Equal(3, await table.CleanAsync(Start.AddMinutes(62), 4, Stop));
        await using var rest = database.CreateCommand("SELECT min(expires_at), count(*) FROM verifier.policy_state");
        await using var reader = await rest.ExecuteReaderAsync(Stop);
        await reader.ReadAsync(Stop);
        Assert.Equal((Start.AddMinutes(66), 4L), (reader.GetFieldValue<DateTimeOffset>(0), reader.GetInt64(1)));
    }

    private PostgresPolicyState Verifier(NpgsqlDataSource? database = null) =>
        new(new(database ?? _database), Options.Create(new MailkeyOptions()), _time, NullLogger<PostgresPolicyState>.Instance);

    private StateKey Key(string name) => StateKey.Of(Subject, name);

    private StateQuery Greylist(DateTimeOffset now) => new()
    {
        Rule = "wait", Kind = StateKind.Greylist, Keys = [Key("g")], Now = now,
        Period = TimeSpan.FromMinutes(1), Window = TimeSpan.FromHours(1), Remember = TimeSpan.FromDays(10),
    };

    private StateQuery RateLimit(DateTimeOffset now, int limit, string name = "r") =>
        new() { Rule = "limit", Kind = StateKind.RateLimit, Keys = [Key(name)], Now = now, Period = TimeSpan.FromHours(1), Limit = limit };

    private sealed class NoHistories : ISenderHistories
    {
        public ValueTask<SenderHistory?> RecallAsync(string domain, CancellationToken cancellationToken) => default;

        public void Note(string domain, DateTimeOffset at, Disposition disposition)
        {
        }
    }
}
