using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Senders;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Verifier.Senders;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Verifier.Tests.Senders;

/// <summary>What a look at the status page does to verifiers; real name server and database.</summary>
public sealed class DoubtedDomainsTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private readonly List<IDisposable> _garbage = [];
    private NpgsqlDataSource _database = null!;
    private UnboundServer _dns = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance).ApplyAsync(SenderSchema.Migrations, Stop);
        _dns = await UnboundServer.StartAsync("new.test. 3600 IN MX 10 mx.test.", "other.test. 3600 IN MX 10 mx.test.", "mx.test. 3600 IN A 192.0.2.1");
    }

    public async ValueTask DisposeAsync()
    {
        _garbage.ForEach(item => item.Dispose());
        await _dns.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Theory]
    [InlineData("mailkey.new.test", "")]
    [InlineData("mailkey.mx.test", "; d=new.test")]
    public async Task A_look_lets_every_verifier_forget_this_domain_and_no_other(string host, string more)
    {
        var checks = new DomainChecks(_database);
        var replicas = new[] { Create(checks), Create(checks) };
        foreach (var (discovery, doubted) in replicas)
        {
            await doubted.LookAsync(Stop);
            Assert.Equal(KeyHostState.Absent, (await discovery.FindAsync("new.test", Stop)).State);
            Assert.Equal(KeyHostState.Absent, (await discovery.FindAsync("other.test", Stop)).State);
        }

        // Both get a mailkey; caches know of neither.
        await _dns.AddAsync(Record(host, more));
        await _dns.AddAsync(Record("mailkey.other.test", ""));
        foreach (var (discovery, _) in replicas)
        {
            Assert.Equal(KeyHostState.Absent, (await discovery.FindAsync("new.test", Stop)).State);
        }

        Assert.Null(await checks.ClaimAsync("new.test", TimeProvider.System.GetUtcNow(), TimeSpan.FromTicks(10), Stop));
        foreach (var (discovery, doubted) in replicas)
        {
            await doubted.LookAsync(Stop);
            Assert.Equal(KeyHostState.Exists, (await discovery.FindAsync("new.test", Stop)).State);
            Assert.Equal(KeyHostState.Absent, (await discovery.FindAsync("other.test", Stop)).State);
        }
    }

    [Fact]
    public async Task A_look_is_heeded_once()
    {
        var checks = new DomainChecks(_database);
        var (discovery, doubted) = Create(checks);
        await checks.ClaimAsync("once.test", TimeProvider.System.GetUtcNow(), TimeSpan.FromTicks(10), Stop);
        await doubted.LookAsync(Stop);
        Assert.Equal(KeyHostState.Absent, (await discovery.FindAsync("once.test", Stop)).State);
        await _dns.AddAsync(Record("mailkey.once.test", ""));
        await doubted.LookAsync(Stop);
        Assert.Equal(KeyHostState.Absent, (await discovery.FindAsync("once.test", Stop)).State);
    }

    private static string Record(string host, string more)
    {
        using var key = SigningKey.GenerateEd25519();
        return $"{host}. 3600 IN TXT \"v=MAILKEY1; k=ed25519; s=a; p={Convert.ToBase64String(key.ExportPublicKey())}{more}\"";
    }

    private (KeyHostDiscovery Discovery, DoubtedDomains Doubted) Create(DomainChecks checks)
    {
        // Nothing expires by itself within a test.
        var options = new KeyHostOptions { MinAge = TimeSpan.FromHours(1), UnknownAge = TimeSpan.FromHours(1) };
        var fetcher = new KeySetFetcher(options, TimeProvider.System);
        _garbage.Add(fetcher);
        var resolver = new DnsResolver(new() { Servers = [_dns.Endpoint], CacheEntries = 1000, AttemptTimeout = TimeSpan.FromSeconds(10), Timeout = TimeSpan.FromSeconds(20) }, TimeProvider.System);
        var discovery = new KeyHostDiscovery(new(resolver, fetcher), options, new InProcessKeySetMemory(100), TimeProvider.System, NullLogger<KeyHostDiscovery>.Instance);
        var doubted = new DoubtedDomains(checks, discovery, TimeProvider.System, NullLogger<DoubtedDomains>.Instance);
        _garbage.Add(doubted);
        return (discovery, doubted);
    }
}
