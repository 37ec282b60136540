using Mailkey.Agreements.Consents;
using Mailkey.Hosting.Options;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Mailkey.Agreements.Tests.Consents;

public sealed class ConsentKeysTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_that_leaked_is_replaced_without_a_restart()
    {
        await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
        await ExecuteAsync(database, $"CREATE SCHEMA agreements; {ConsentKeys.Migrations[0].Sql}");
        var time = new ManualTime();
        ConsentKeys one = new(database, Options.Create(new MailkeyOptions()), time), two = new(database, Options.Create(new MailkeyOptions()), time);
        var first = await one.CurrentAsync(Stop);
        Assert.Equal(first.Secret, (await two.FindAsync(first.Id, Stop))!.Secret);

        await ExecuteAsync(database, "INSERT INTO agreements.consent_keys (id, secret) VALUES (2, decode(repeat('42', 32), 'hex')); DELETE FROM agreements.consent_keys WHERE id = 1");
        Assert.Equal(first.Id, (await one.CurrentAsync(Stop)).Id);
        time.Advance(TimeSpan.FromMinutes(1) + TimeSpan.FromTicks(1));

        Assert.Equal(2, (await one.CurrentAsync(Stop)).Id);
        Assert.Null(await one.FindAsync(first.Id, Stop));
        Assert.Null(await two.FindAsync(first.Id, Stop));
        Assert.Equal(2, (await two.CurrentAsync(Stop)).Id);
    }

    private static async Task ExecuteAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Stop);
    }
}
