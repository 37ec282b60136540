using Mailkey.Hosting.Postgres;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Mailkey.Messaging.Tests.Postgres;

public sealed class SchemaMigratorTests(PostgresServer postgres) : IClassFixture<PostgresServer>, IAsyncDisposable
{
    private readonly NpgsqlDataSource _database = NpgsqlDataSource.Create(postgres.ConnectionString);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Replicas_that_start_together_apply_a_step_once()
    {
        SchemaMigration[] steps = [new("together", "one", "CREATE TABLE together.a (n int)"), new("together", "two", "INSERT INTO together.a VALUES (1)")];

        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => ApplyAsync(steps)));

        Assert.Equal(1L, await ScalarAsync("SELECT count(*) FROM together.a"));
    }

    [Fact]
    public async Task Step_added_later_is_applied()
    {
        SchemaMigration first = new("later", "one", "CREATE TABLE later.a (n int)");
        await ApplyAsync(first);

        await ApplyAsync(first, new("later", "two", "INSERT INTO later.a VALUES (1)"));

        Assert.Equal(1L, await ScalarAsync("SELECT count(*) FROM later.a"));
    }

    [Fact]
    public async Task Step_changed_after_the_fact_is_refused()
    {
        await ApplyAsync(new SchemaMigration("changed", "one", "CREATE TABLE changed.a (n int)"));

        var error = await Assert.ThrowsAsync<InvalidOperationException>(
            () => ApplyAsync(new SchemaMigration("changed", "one", "CREATE TABLE changed.a (n bigint)")));

        Assert.Contains("\"one\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Failed_step_leaves_nothing_behind()
    {
        await Assert.ThrowsAsync<PostgresException>(
            () => ApplyAsync(new("broken", "one", "CREATE TABLE broken.a (n int)"), new("broken", "two", "no SQL")));

        Assert.Equal(0L, await ScalarAsync("SELECT count(*) FROM pg_namespace WHERE nspname = 'broken'"));
    }

    [Theory]
    [InlineData("DeferredDelivery", "deferred_delivery")]
    [InlineData("SMTPReply", "smtpreply")]
    [InlineData("A", "a")]
    public void SqlIdentifier_follows_the_type_name(string name, string expected) => Assert.Equal(expected, SqlIdentifier.From(name));

    [Theory]
    [InlineData("a;b")]
    [InlineData("A")]
    [InlineData("1a")]
    [InlineData("a\"b")]
    public void SqlIdentifier_refuses_what_needs_quotes(string name) => Assert.Throws<ArgumentException>(() => SqlIdentifier.Require(name));

    [Theory]
    [InlineData("""{"a":"x\u0000y"}""", """{"a":"x\ufffdy"}""")]
    [InlineData("""{"a":"\\u0000"}""", """{"a":"\\u0000"}""")]
    [InlineData("""{"a":"\\\u0000\u0000"}""", """{"a":"\\\ufffd\ufffd"}""")]
    [InlineData("""{"a":"\u00000"}""", """{"a":"\ufffd0"}""")]
    public void Jsonb_loses_its_NULs(string json, string expected)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(json);
        Jsonb.ReplaceNul(bytes);
        Assert.Equal(expected, System.Text.Encoding.UTF8.GetString(bytes));
    }

    [Theory]
    [InlineData("Host=a", 50)]
    [InlineData("Host=a;Max Auto Prepare=0", 0)]
    [InlineData("host=a;maxautoprepare=7", 7)]
    public void Statements_are_prepared_unless_the_connection_string_says_how(string connectionString, int expected) =>
        Assert.Equal(expected, new NpgsqlConnectionStringBuilder(PostgresServices.Prepared(connectionString)).MaxAutoPrepare);

    private Task ApplyAsync(params SchemaMigration[] steps) =>
        new SchemaMigrator(_database, NullLogger<SchemaMigrator>.Instance).ApplyAsync(steps, TestContext.Current.CancellationToken);

    private async Task<long> ScalarAsync(string sql)
    {
        await using var command = _database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
