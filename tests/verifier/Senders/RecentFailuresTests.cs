using FsCheck;
using FsCheck.Fluent;
using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Hosting.Postgres;
using Mailkey.Policy;
using Mailkey.Senders;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Verifier.Senders;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Verifier.Tests.Senders;

/// <summary>What is counted for the page of a domain, and what never gets there.</summary>
public sealed class RecentFailuresTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private static readonly HashSet<string> Sentences = [.. typeof(FailureCause).GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!)];

    private readonly ManualTime _time = new(new DateTimeOffset(2026, 11, 22, 6, 59, 0, TimeSpan.Zero));
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Domain { get; } = $"{Guid.NewGuid():N}.test";

    public async ValueTask InitializeAsync()
    {
        _database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance).ApplyAsync(SenderSchema.Migrations, Stop);
    }

    public async ValueTask DisposeAsync() => await _database.DisposeAsync();

    [Theory]
    [InlineData("published-key", "no signature", FailureCause.NoSignature)]
    [InlineData("published-key", "no signature for this domain", FailureCause.NoSignature)]
    [InlineData("published-key", "key buy-now is not in the key set", FailureCause.UnknownKey)]
    [InlineData("published-key", "key k1 is revoked", FailureCause.RevokedKey)]
    [InlineData("published-key", "key k1 did not make this signature, or a signed field was changed", FailureCause.WrongKey)]
    [InlineData("published-key", "key k1 is unusable: the RSA key has 1024 bits", FailureCause.UnusableKey)]
    [InlineData("published-key", "the body was changed after signing", FailureCause.ChangedBody)]
    [InlineData("published-key", "made for other recipients", FailureCause.OtherEnvelope)]
    [InlineData("published-key", "made for another reverse-path", FailureCause.OtherEnvelope)]
    [InlineData("published-key", "the signature has expired", FailureCause.Expired)]
    [InlineData("published-key", "List-Buy-Now is not over-signed in h=", FailureCause.Uncovered)]
    [InlineData("published-key", "no tag buy-now", FailureCause.Unreadable)]
    [InlineData("key-host-unknown", "TXT of mailkey.a.test: 192.0.2.53:53: SERVFAIL", FailureCause.HostUnknown)]
    [InlineData("require-all", "no key set", FailureCause.NoMailkey)]
    [InlineData("require-listed", "no key set", FailureCause.NoMailkey)]
    [InlineData("never-for-bob", "no key set", FailureCause.ReceiverRule)]
    public void FailureCause_names_what_failed(string rule, string reason, string cause) => Assert.Equal(cause, FailureCause.Of(Verdict(rule, reason)));

    [Fact]
    public void FailureCause_knows_the_decisions_of_the_stage_by_their_names()
    {
        var explained = StagePolicy.DecisionNames.Where(rule => FailureCause.Of(Verdict(rule, "no signature")) != FailureCause.ReceiverRule);
        Assert.Equal(["key-host-unknown", "published-key", "require-all", "require-listed"], explained.Order(StringComparer.Ordinal)); // the others accept
    }

    [Fact]
    public void FailureCause_never_says_anything_but_its_sentences() => Check.QuickThrowOnFailure(Prop.ForAll(
        ArbMap.Default.GeneratorFor<string>().Zip(Gen.Elements("published-key", "key-host-unknown", "require-all", "bob@example.test")).ToArbitrary(),
        pair => Sentences.Contains(FailureCause.Of(Verdict(pair.Item2, pair.Item1 ?? "")))));

    [Fact]
    public async Task RecentFailures_are_counted_by_hour_and_cause_and_added_up_over_verifiers()
    {
        using var one = Create();
        using var other = Create();
        one.Note(Verdict("published-key", "no signature"), Disposition.Reject);
        one.Note(Verdict("published-key", "no signature"), Disposition.Reject);
        one.Note(Verdict("signed", "good"), Disposition.Accept);
        other.Note(Verdict("published-key", "no signature"), Disposition.Reject);
        other.Note(Verdict("key-host-unknown", "SERVFAIL"), Disposition.Defer);
        await one.WriteAsync(Stop);
        await one.WriteAsync(Stop); // nothing twice
        await other.WriteAsync(Stop);
        _time.Advance(TimeSpan.FromMinutes(2)); // 07:01
        one.Note(Verdict("published-key", "no signature"), Disposition.Reject);
        await one.WriteAsync(Stop);

        var found = await new DomainFailures(_database).FindAsync(Domain, 100, Stop);

        Assert.Equal(
            [(7, FailureCause.NoSignature, true, 1L), (6, FailureCause.HostUnknown, false, 1L), (6, FailureCause.NoSignature, true, 3L)],
            found.Select(failure => (failure.Hour.Hour, failure.Cause, failure.Permanent, failure.Count)).OrderByDescending(failure => failure.Hour).ThenBy(failure => failure.Permanent));
    }

    [Fact]
    public async Task RecentFailures_are_bounded_and_keep_counting_whom_they_know()
    {
        using var failures = Create();
        for (var i = 0; i < RecentFailures.MaxPerHour + 10; i++)
        {
            failures.Note(Verdict("published-key", "no signature") with { Domain = $"{i}.{Domain}" }, Disposition.Reject);
        }

        failures.Note(Verdict("published-key", "no signature") with { Domain = $"0.{Domain}" }, Disposition.Reject);
        await failures.WriteAsync(Stop);
        var table = new DomainFailures(_database);
        Assert.Equal(2, Assert.Single(await table.FindAsync($"0.{Domain}", 10, Stop)).Count);
        Assert.Empty(await table.FindAsync($"{RecentFailures.MaxPerHour + 5}.{Domain}", 10, Stop));

        // The next hour has room again.
        _time.Advance(TimeSpan.FromHours(1));
        await failures.WriteAsync(Stop);
        failures.Note(Verdict("published-key", "no signature") with { Domain = $"late.{Domain}" }, Disposition.Reject);
        await failures.WriteAsync(Stop);
        Assert.Single(await table.FindAsync($"late.{Domain}", 10, Stop));
    }

    [Fact]
    public async Task RecentFailures_of_others_are_counted_whatever_one_network_invents()
    {
        using var failures = Create();
        AskingNetwork.Current = AskingNetwork.Of("192.0.2.1");
        for (var i = 0; i < RecentFailures.MaxPerHour + 10; i++)
        {
            failures.Note(Verdict("published-key", "no signature") with { Domain = $"{i}.{Domain}" }, Disposition.Reject);
        }

        AskingNetwork.Current = AskingNetwork.Of("198.51.100.1");
        failures.Note(Verdict("published-key", "no signature") with { Domain = $"honest.{Domain}" }, Disposition.Reject);
        await failures.WriteAsync(Stop);
        var table = new DomainFailures(_database);
        Assert.Single(await table.FindAsync($"0.{Domain}", 10, Stop));
        Assert.Empty(await table.FindAsync($"{RecentFailures.MaxPerHourAndNetwork}.{Domain}", 10, Stop));
        Assert.Single(await table.FindAsync($"honest.{Domain}", 10, Stop));

        _time.Advance(TimeSpan.FromHours(1));
        AskingNetwork.Current = AskingNetwork.Of("192.0.2.1");
        failures.Note(Verdict("published-key", "no signature") with { Domain = $"late.{Domain}" }, Disposition.Reject);
        await failures.WriteAsync(Stop);
        Assert.Single(await table.FindAsync($"late.{Domain}", 10, Stop));
    }

    [Fact]
    public async Task RecentFailures_are_kept_for_a_week()
    {
        using var failures = Create();
        failures.Note(Verdict("published-key", "no signature"), Disposition.Reject);
        await failures.WriteAsync(Stop);
        _time.Advance(RecentFailures.Age + TimeSpan.FromHours(2));
        await failures.WriteAsync(Stop);
        Assert.Empty(await new DomainFailures(_database).FindAsync(Domain, 10, Stop));
    }

    [Fact]
    public async Task RecentFailures_wait_for_a_database_that_is_away()
    {
        await using var nowhere = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Database=a;Username=a;Timeout=2");
        using var failures = new RecentFailures(new(nowhere), _time, NullLogger<RecentFailures>.Instance);
        failures.Note(Verdict("published-key", "no signature"), Disposition.Reject);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => failures.WriteAsync(Stop));
        await failures.StopAsync(Stop); // says so and does not fail
    }

    private RecentFailures Create() => new(new(_database), _time, NullLogger<RecentFailures>.Instance);

    private Verdict Verdict(string rule, string reason) => new()
    {
        HostState = "exists",
        Result = "fail",
        Domain = Domain,
        Reason = reason,
        Rule = rule,
        Verifier = "v",
        ElapsedMicroseconds = 1,
    };
}
