using Mailkey.Testkit.Infrastructure;

namespace Mailkey.Journal.Tests;

public sealed class JournalOutageTests(RabbitMqServer rabbit) : IClassFixture<RabbitMqServer>
{
    [Fact]
    public async Task Journal_waits_for_a_database_that_was_killed_and_loses_nothing()
    {
        var stop = TestContext.Current.CancellationToken;
        await using var postgres = await OwnPostgresServer.StartNewAsync(stop);
        using var host = await JournalHost.StartAsync(postgres.ConnectionString, rabbit.Uri, stop);
        var before = Sample.Accepted("before", "a@example.org", "b@example.net");
        await JournalHost.TellAsync(host.Services, before, stop);
        await JournalHost.StreamAsync(host.Services, before.QueueId, 1, stop);

        await postgres.KillAsync(stop);
        var during = Enumerable.Range(0, 20).Select(i => Sample.Accepted($"during-{i}", "a@example.org", "b@example.net")).ToList();
        foreach (var message in during)
        {
            await JournalHost.TellAsync(host.Services, message, stop);
        }

        await postgres.StartAsync(stop);

        foreach (var message in during)
        {
            Assert.Single(await JournalHost.StreamAsync(host.Services, message.QueueId, 1, stop));
        }

        Assert.Single(await JournalHost.StreamAsync(host.Services, before.QueueId, 1, stop));
        await host.StopAsync(stop);
    }
}
