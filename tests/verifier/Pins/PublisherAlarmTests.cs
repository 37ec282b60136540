using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Hosting.Postgres;
using Mailkey.Senders;
using Mailkey.Testkit;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Https;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Verifier.Pins;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Verifier.Tests.Pins;

/// <summary>Publishers that vanish, come back and roll back: two verifiers with a real name server, key host and database.</summary>
public sealed class PublisherAlarmTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private static readonly string PublicKey = NewPublicKey();

    private readonly ManualTime _time = new(TimeProvider.System.GetUtcNow());
    private readonly TestAuthority _authority = new();
    private readonly string _authorities = Path.GetTempFileName();
    private readonly LinesLogged _log = new();
    private readonly List<Replica> _replicas = [];
    private NpgsqlDataSource _database = null!;
    private UnboundServer _dns = null!;
    private KeyHostServer _https = null!;
    private KeyHostOptions _options = null!;
    private IPEndPoint _asked = null!;
    private long _serial = 42;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Tests share the tables: each has a name of its own.
    private string Domain { get; } = $"p{Guid.NewGuid():N}.test";

    public async ValueTask InitializeAsync()
    {
        _database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance).ApplyAsync(SenderSchema.Migrations, Stop);
        _dns = await UnboundServer.StartAsync();
        _asked = _dns.Endpoint;
        _https = await KeyHostServer.StartAsync(_authority, [$"mailkey.{Domain}"], context => KeyHostServer.WriteAsync(
            context,
            $$"""{"version":1,"domain":"{{Domain}}","serial":{{_serial}},"keys":[{"name":"2026a","type":"ed25519","key":"{{PublicKey}}","status":"active"}]}"""));
        await File.WriteAllTextAsync(_authorities, _authority.Pem, Stop);
        _options = new() { AllowPrivateAddresses = true, HttpsPort = _https.Port, CertificateAuthorities = _authorities };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            await replica.DisposeAsync();
        }

        await _https.DisposeAsync();
        await _dns.DisposeAsync();
        _authority.Dispose();
        File.Delete(_authorities);
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task A_publisher_that_vanishes_is_an_alarm_once_and_unknown_until_the_grace_period_ends()
    {
        using var counted = new ChangeCounter();
        var (one, other) = (await StartAsync(), await StartAsync());
        await _dns.AddAsync(Record);
        Assert.Equal(KeyHostState.Exists, (await one.FindAsync(Domain)).State);
        Assert.Equal(KeyHostState.Exists, (await other.FindAsync(Domain)).State);
        Assert.Empty(await EventsAsync());

        // Both find out, each by itself, and neither knows of the other.
        await _dns.RemoveAsync($"mailkey.{Domain}");
        _time.Advance(TimeSpan.FromHours(2));
        foreach (var replica in new[] { one, other, one, other })
        {
            var host = await replica.FindAsync(Domain);
            Assert.Equal(KeyHostState.Unknown, host.State);
            Assert.Contains("published a key set until", host.Reason, StringComparison.Ordinal);
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal([DomainEventKind.PublisherVanished], await EventsAsync());
        Assert.Single(_log.Lines, line => line.StartsWith($"Warning {Domain}: publisher-vanished", StringComparison.Ordinal));
        Assert.True(counted.Of(DomainEventKind.PublisherVanished) > 0);

        // A restart knows it, and does not make another event of it.
        await RestartAsync(one);
        _time.Advance(_options.VanishedGrace - TimeSpan.FromHours(1));
        Assert.Equal(KeyHostState.Unknown, (await one.FindAsync(Domain)).State);
        Assert.Equal([DomainEventKind.PublisherVanished], await EventsAsync());

        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(KeyHostState.Absent, (await one.FindAsync(Domain)).State);
        Assert.Equal(KeyHostState.Absent, (await other.FindAsync(Domain)).State);
        Assert.Equal([DomainEventKind.PublisherForgotten, DomainEventKind.PublisherVanished], await EventsAsync());
        Assert.Null(await new KeySetPins(_database).FindAsync(Domain, Stop));
    }

    [Fact]
    public async Task A_publisher_that_returns_is_an_event_and_an_alarm_when_it_goes_again()
    {
        var (one, other) = (await StartAsync(), await StartAsync());
        await _dns.AddAsync(Record);
        await one.FindAsync(Domain);
        await _dns.RemoveAsync($"mailkey.{Domain}");
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(KeyHostState.Unknown, (await one.FindAsync(Domain)).State);

        await _dns.AddAsync(Record);
        _time.Advance(TimeSpan.FromHours(2));
        await other.LearnAsync();
        Assert.Equal(KeyHostState.Exists, (await other.FindAsync(Domain)).State);
        Assert.Equal(KeyHostState.Exists, (await one.FindAsync(Domain)).State);
        Assert.Equal([DomainEventKind.PublisherReturned, DomainEventKind.PublisherVanished], await EventsAsync());

        await _dns.RemoveAsync($"mailkey.{Domain}");
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(KeyHostState.Unknown, (await other.FindAsync(Domain)).State);
        Assert.Equal([DomainEventKind.PublisherVanished, DomainEventKind.PublisherReturned, DomainEventKind.PublisherVanished], await EventsAsync());
    }

    [Fact]
    public async Task A_name_that_exists_without_records_is_as_vanished_as_one_that_does_not_and_a_broken_server_proves_nothing()
    {
        var one = await StartAsync();
        await _dns.AddAsync(Record);
        await one.FindAsync(Domain);
        await _dns.RemoveAsync($"mailkey.{Domain}");
        await _dns.AddAsync($"mailkey.{Domain}. 60 IN HINFO \"none\" \"none\""); // NODATA for all that is asked
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(KeyHostState.Unknown, (await one.FindAsync(Domain)).State);
        Assert.Equal([DomainEventKind.PublisherVanished], await EventsAsync());

        await _dns.AddAsync(Record);
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(KeyHostState.Exists, (await one.FindAsync(Domain)).State);
        _asked = new(IPAddress.Loopback, 1); // no answer at all
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(KeyHostState.Unknown, (await one.FindAsync(Domain)).State);
        Assert.Equal([DomainEventKind.PublisherReturned, DomainEventKind.PublisherVanished], await EventsAsync());
    }

    [Fact]
    public async Task A_lower_serial_is_refused_by_every_verifier_and_after_a_restart_and_is_one_event()
    {
        using var counted = new ChangeCounter();
        var (one, other) = (await StartAsync(), await StartAsync());
        await _dns.AddAsync($"mailkey.{Domain}. 60 IN A 127.0.0.1");
        Assert.Equal(42, (await one.FindAsync(Domain)).Keys!.Serial);
        _time.Advance(TimeSpan.FromHours(2));
        await other.LearnAsync();

        _serial = 41;
        foreach (var replica in new[] { one, other, one })
        {
            var host = await replica.FindAsync(Domain);
            Assert.Equal(KeyHostState.Unknown, host.State);
            Assert.Contains("41", host.Reason, StringComparison.Ordinal);
            Assert.Contains("lower than 42", host.Reason, StringComparison.Ordinal);
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        await RestartAsync(other);
        Assert.Equal(KeyHostState.Unknown, (await other.FindAsync(Domain)).State);
        Assert.Equal([DomainEventKind.KeySetRolledBack], await EventsAsync());
        Assert.Single(_log.Lines, line => line.StartsWith($"Warning {Domain}: key-set-rolled-back", StringComparison.Ordinal));
        Assert.True(counted.Of(DomainEventKind.KeySetRolledBack) > 0);
        var pin = await new KeySetPins(_database).FindAsync(Domain, Stop);
        Assert.Equal(42, pin!.Serial);
        Assert.Equal(41, pin.RefusedSerial);

        _serial = 43;
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(43, (await one.FindAsync(Domain)).Keys!.Serial);
        pin = await new KeySetPins(_database).FindAsync(Domain, Stop);
        Assert.Equal(43, pin!.Serial);
        Assert.Null(pin.RefusedSince);

        // The next time is another change.
        _serial = 7;
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(KeyHostState.Unknown, (await one.FindAsync(Domain)).State);
        Assert.Equal([DomainEventKind.KeySetRolledBack, DomainEventKind.KeySetRolledBack], await EventsAsync());
    }

    [Fact]
    public async Task Verifiers_that_write_the_same_change_at_the_same_time_make_one_event()
    {
        var now = TimeProvider.System.GetUtcNow();
        var pins = new KeySetPins(_database);
        await pins.SaveAsync([new(Domain, 1, now)], Stop);
        await Task.WhenAll(Enumerable.Range(1, 8).Select(n => pins.SaveAsync([new(Domain, 1, now, now.AddSeconds(n))], Stop)));
        Assert.Equal([DomainEventKind.PublisherVanished], await EventsAsync());
    }

    private string Record => $"mailkey.{Domain}. 60 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p={PublicKey}\"";

    private async Task<IReadOnlyList<string>> EventsAsync() => [.. (await new DomainEvents(_database).FindAsync(Domain, 100, Stop)).Select(e => e.Kind)];

    private async Task<Replica> StartAsync()
    {
        var replica = new Replica(this);
        _replicas.Add(replica);
        await replica.StartAsync();
        return replica;
    }

    private static async Task RestartAsync(Replica replica)
    {
        await replica.DisposeAsync();
        await replica.StartAsync();
    }

    private static string NewPublicKey()
    {
        using var key = SigningKey.GenerateEd25519();
        return Convert.ToBase64String(key.ExportPublicKey());
    }

    // What a verifier process has of it. Its resolver keeps answers by the real clock, so each look-up gets a new one.
    private sealed class Replica(PublisherAlarmTests test) : IAsyncDisposable
    {
        private readonly KeySetFetcher _fetcher = new(test._options, TimeProvider.System);
        private PostgresKeySetMemory _memory = null!;

        public async Task StartAsync()
        {
            _memory = new(new(test._database), new(test._database), 1000, TimeSpan.FromDays(3), test._time, test._log);
            await _memory.StartAsync(Stop);
        }

        /// <summary>Discovers as for a message, and writes behind.</summary>
        public async Task<KeyHost> FindAsync(string domain)
        {
            var resolver = new DnsResolver(new() { Servers = [test._asked], AttemptTimeout = TimeSpan.FromSeconds(5), Attempts = 1 }, TimeProvider.System);
            var host = await new KeyHostDiscovery(new(resolver, _fetcher), test._options, _memory, test._time, NullLogger<KeyHostDiscovery>.Instance).FindAsync(domain, Stop);
            await LearnAsync();
            return host;
        }

        /// <summary>Writes what is new, and takes in what the others wrote, as it does every second and every half minute.</summary>
        public Task LearnAsync() => _memory.WorkAsync(Stop);

        public async ValueTask DisposeAsync()
        {
            await _memory.StopAsync(CancellationToken.None);
            _memory.Dispose();
        }
    }

    private sealed class LinesLogged : ILogger<PostgresKeySetMemory>
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyCollection<string> Lines => _lines;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"{logLevel} {formatter(state, exception)}");
    }

    // Other tests of this process are counted too.
    private sealed class ChangeCounter : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly List<string?> _kinds = [];

        public ChangeCounter()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "mailkey.verifier.publisher.changes")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
            {
                lock (_kinds)
                {
                    _kinds.Add(tags[0].Value as string);
                }
            });
            _listener.Start();
        }

        public int Of(string kind)
        {
            lock (_kinds)
            {
                return _kinds.Count(counted => counted == kind);
            }
        }

        public void Dispose() => _listener.Dispose();
    }
}
