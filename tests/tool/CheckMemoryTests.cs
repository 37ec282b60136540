using System.Text.Json;
using Mailkey.Authentication.Keys;
using Mailkey.Hosting.Postgres;
using Mailkey.Senders;
using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Tool.Tests;

/// <summary>Tests that change the environment of this process, which others read.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ChangedEnvironment
{
    public const string Name = "changed environment";
}

/// <summary><c>mailkey check</c> with the memory of verifiers.</summary>
[Collection(ChangedEnvironment.Name)]
public sealed class CheckMemoryTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncLifetime
{
    private const string Variable = "MAILKEY_POSTGRES_CONNECTIONSTRING";

    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();
    private NpgsqlDataSource _database = null!;
    private UnboundServer _dns = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Environment.SetEnvironmentVariable(Variable, postgres.ConnectionString);
        _database = NpgsqlDataSource.Create(postgres.ConnectionString);
        _dns = await UnboundServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Environment.SetEnvironmentVariable(Variable, null);
        await _dns.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Check_tells_of_a_publisher_that_vanished()
    {
        await SaveAsync(new("vanished.test", 42, _now.AddHours(-30)), new("vanished.test", 42, _now.AddHours(-30), _now.AddHours(-20)));

        var result = await Tool.RunAsync("check", "Vanished.test", "--resolver", _dns.Resolver);

        Assert.Equal((1, ""), (result.Code, result.Error));
        Assert.Contains($"remembered here as a publisher: serial 42, last seen {Time(_now.AddHours(-30))}", result.Output, StringComparison.Ordinal);
        Assert.Contains($"vanished since {Time(_now.AddHours(-20))}, unknown until {Time(_now.AddHours(52))}", result.Output, StringComparison.Ordinal);
        Assert.Contains($"{Time(_now.AddHours(-20))} publisher-vanished", result.Output, StringComparison.Ordinal);
        Assert.Contains("its mail is put off here until", result.Output, StringComparison.Ordinal);

        using var json = JsonDocument.Parse((await Tool.RunAsync("check", "vanished.test", "--json", "--resolver", _dns.Resolver)).Output);
        var memory = json.RootElement.GetProperty("memory");
        Assert.Equal(42, memory.GetProperty("serial").GetInt64());
        Assert.Equal(JsonValueKind.Null, memory.GetProperty("unreachable").ValueKind);
        Assert.Equal("publisher-vanished", memory.GetProperty("events")[0].GetProperty("kind").GetString());
    }

    [Fact]
    public async Task Check_tells_of_a_serial_that_is_refused()
    {
        await SaveAsync(new("rolled.test", 42, _now.AddHours(-3)), new("rolled.test", 42, _now.AddHours(-3), null, 41, _now.AddHours(-2)));

        var result = await Tool.RunAsync("check", "rolled.test", "--resolver", _dns.Resolver);

        Assert.Contains($"serial 41 refused since {Time(_now.AddHours(-2))}", result.Output, StringComparison.Ordinal);
        Assert.Contains("key-set-rolled-back: serial 41 after 42", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_says_that_it_knows_nothing_of_a_stranger()
    {
        await SaveAsync();
        Assert.Contains("not remembered here as a publisher", (await Tool.RunAsync("check", "stranger.test", "--resolver", _dns.Resolver)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_says_plainly_that_the_database_is_away_and_judges_all_the_same()
    {
        await _dns.AddAsync("mailkey.fine.test. 3600 IN TXT \"v=MAILKEY1; k=ed25519; s=a; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"");
        Environment.SetEnvironmentVariable(Variable, "Host=127.0.0.1;Port=1;Database=mailkey;Username=mailkey");

        var result = await Tool.RunAsync("check", "fine.test", "--resolver", _dns.Resolver);

        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("fine.test: publishes a key set", result.Output, StringComparison.Ordinal);
        Assert.Contains("what this receiver remembers is not known: the database was not reached", result.Output, StringComparison.Ordinal);
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private async Task SaveAsync(params SeenKeySet[] facts)
    {
        await new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance).ApplyAsync(SenderSchema.Migrations, Stop);
        foreach (var fact in facts)
        {
            await new KeySetPins(_database).SaveAsync([fact], Stop);
        }
    }
}
