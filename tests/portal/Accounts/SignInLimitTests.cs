using System.Net;
using Mailkey.Agreements.Accounts;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Portal.Tests.Accounts;

public sealed class SignInLimitTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private static readonly IPAddress Home = IPAddress.Parse("192.0.2.7");
    private static readonly IPAddress Elsewhere = IPAddress.Parse("198.51.100.7");

    private readonly ManualTime _time = new();
    private readonly Passwords _passwords = new();
    private NpgsqlDataSource _database = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance).ApplyAsync(SignInLimits.Migrations(), Stop);
        await using var empty = _database.CreateCommand("TRUNCATE agreements.sign_in_attempts");
        await empty.ExecuteNonQueryAsync(Stop);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Account_is_locked_after_wrong_passwords_and_the_lock_ends_by_itself()
    {
        var accounts = Accounts(perAccount: 3, perNetwork: 100);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(SignInResult.Rejected, (await accounts.AuthenticateAsync("alice@b.example", "wrong", Home, Stop)).Result);
        }

        // The right password does not help, from wherever, and whoever tries does not make it longer.
        _time.Advance(TimeSpan.FromMinutes(5));
        var locked = await accounts.AuthenticateAsync("Alice@b.example", "right", Elsewhere, Stop);
        Assert.Equal((SignInResult.Locked, TimeSpan.FromMinutes(10)), (locked.Result, locked.RetryAfter));
        Assert.Equal(SignInResult.Accepted, (await accounts.AuthenticateAsync("bob@b.example", "right", Home, Stop)).Result);
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(SignInResult.Accepted, (await accounts.AuthenticateAsync("alice@b.example", "right", Home, Stop)).Result);
    }

    [Fact]
    public async Task Account_is_one_under_whatever_detail_it_is_tried()
    {
        var accounts = Accounts(perAccount: 3, perNetwork: 100);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(SignInResult.Rejected, (await accounts.AuthenticateAsync($"alice+{i}@b.example", "wrong", Home, Stop)).Result);
        }

        Assert.Equal(SignInResult.Locked, (await accounts.AuthenticateAsync("alice+more@b.example", "right", Elsewhere, Stop)).Result);
        Assert.Equal(SignInResult.Locked, (await accounts.AuthenticateAsync("alice@b.example", "right", Elsewhere, Stop)).Result);
    }

    [Fact]
    public async Task Mailbox_host_that_hears_local_parts_is_asked_about_hosted_domains_alone()
    {
        var options = new MailkeyOptions { Domains = [new HostedDomainOptions { Name = "b.example" }] };
        (options.Agreements.Accounts.Imap, options.Agreements.Accounts.ImapName) = ("imaps://127.0.0.1:1", "local-part");
        using var passwords = new ImapPasswords(Options.Create(options), new(options), NullLogger<ImapPasswords>.Instance);
        Assert.Equal(PasswordCheck.Wrong, await passwords.CheckAsync("alice@elsewhere.example", "right", Stop));

        // Nobody listens there.
        Assert.Equal(PasswordCheck.Unavailable, await passwords.CheckAsync("alice@b.example", "right", Stop));
    }

    [Fact]
    public async Task Network_is_locked_whatever_accounts_it_tries()
    {
        var accounts = Accounts(perAccount: 100, perNetwork: 5);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(SignInResult.Rejected, (await accounts.AuthenticateAsync($"user{i}@b.example", "wrong", IPAddress.Parse($"192.0.2.{i}"), Stop)).Result);
        }

        Assert.Equal(SignInResult.Locked, (await accounts.AuthenticateAsync("alice@b.example", "right", Home, Stop)).Result);
        Assert.Equal(SignInResult.Accepted, (await accounts.AuthenticateAsync("alice@b.example", "right", Elsewhere, Stop)).Result);
    }

    [Fact]
    public async Task Many_attempts_at_once_get_no_further_than_one_after_the_other()
    {
        // As two replicas do.
        AccountDirectory[] accounts = [Accounts(perAccount: 4, perNetwork: 1000), Accounts(perAccount: 4, perNetwork: 1000)];
        var results = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => accounts[i % 2].AuthenticateAsync("alice@b.example", "wrong", Home, Stop)));
        Assert.Equal(4, results.Count(result => result.Result == SignInResult.Rejected));
        Assert.Equal(36, results.Count(result => result.Result == SignInResult.Locked));
        Assert.Equal(4, _passwords.Asked);
    }

    [Fact]
    public async Task Right_password_takes_the_count_back()
    {
        var accounts = Accounts(perAccount: 3, perNetwork: 3);
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(SignInResult.Accepted, (await accounts.AuthenticateAsync("alice@b.example", "right", Home, Stop)).Result);
        }

        for (var round = 0; round < 2; round++)
        {
            await accounts.AuthenticateAsync("alice@b.example", "wrong", round == 0 ? Home : Elsewhere, Stop);
            await accounts.AuthenticateAsync("alice@b.example", "wrong", round == 0 ? Home : Elsewhere, Stop);
            Assert.Equal(SignInResult.Accepted, (await accounts.AuthenticateAsync("alice@b.example", "right", round == 0 ? Home : Elsewhere, Stop)).Result);
        }
    }

    [Fact]
    public async Task Host_that_does_not_answer_locks_nobody_out()
    {
        var accounts = Accounts(perAccount: 2, perNetwork: 2);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(SignInResult.Unavailable, (await accounts.AuthenticateAsync("alice@b.example", "unavailable", Home, Stop)).Result);
        }

        Assert.Equal(SignInResult.Accepted, (await accounts.AuthenticateAsync("alice@b.example", "right", Home, Stop)).Result);
    }

    [Theory]
    [InlineData("", "right")]
    [InlineData("alice@b.example", "")]
    [InlineData("not an address", "right")]
    [InlineData("alice@b.example\0", "right")]
    [InlineData("alice@b.example", "\uFFFE")]
    public async Task What_is_no_name_or_password_reaches_no_source_of_passwords(string name, string password)
    {
        Assert.Equal(SignInResult.Rejected, (await Accounts(10, 10).AuthenticateAsync(name, password, Home, Stop)).Result);
        Assert.Equal(SignInResult.Rejected, (await Accounts(10, 10).AuthenticateAsync("alice@b.example", new('x', 257), Home, Stop)).Result);
        Assert.Equal(SignInResult.Rejected, (await Accounts(10, 10).AuthenticateAsync(new('x', 100_000), "right", Home, Stop)).Result);
        Assert.Equal(0, _passwords.Asked);
    }

    private AccountDirectory Accounts(int perAccount, int perNetwork)
    {
        var options = new MailkeyOptions { Domains = [new HostedDomainOptions { Name = "b.example" }] };
        options.Agreements.Accounts.FailuresPerAccount = perAccount;
        options.Agreements.Accounts.FailuresPerNetwork = perNetwork;
        var wrapped = Options.Create(options);
        return new(_passwords, new(_database, wrapped, _time), new(options), wrapped, NullLogger<AccountDirectory>.Instance);
    }

    private sealed class Passwords : IPasswords
    {
        private int _asked;

        public int Asked => _asked;

        public Task<PasswordCheck> CheckAsync(string address, string password, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _asked);
            return Task.FromResult(password switch { "right" => PasswordCheck.Right, "unavailable" => PasswordCheck.Unavailable, _ => PasswordCheck.Wrong });
        }

        public Account? Find(string address) => new(address, IsOperator: false, Stamp: "");
    }
}
