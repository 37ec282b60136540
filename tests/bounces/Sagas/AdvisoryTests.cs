using Mailkey.Bounces.Reporting;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Bounces.Tests.Sagas;

public sealed class AdvisoryTests(PostgresServer postgres) : BouncesTest(postgres), IClassFixture<PostgresServer>
{
    [Fact]
    public async Task Advisory_domain_is_told_of_a_cause_once_even_when_many_reports_come_together()
    {
        const int count = 25;
        await using var service = await StartAsync();

        await Task.WhenAll(Enumerable.Range(0, count).Select(i => service.PublishAsync(Reports.Failed($"user{i}@nohost.example", Reports.Verdict("none")))));
        Dictionary<Guid, string?> outcomes = [];
        while (outcomes.Count < count)
        {
            var entry = await service.NextEntryAsync();
            outcomes[entry.EventId] = entry.Type == "delivery-report-sent" ? "sent" : entry.Data.GetProperty("reason").GetString();
        }

        Assert.Single(outcomes.Values, "sent");
        Assert.Equal(count - 1, outcomes.Values.Count(outcome => outcome == SuppressionReason.Limit));
        await service.NextMessageAsync();
        Assert.True(service.Delivery.IsEmpty);
        Assert.Equal(1L, await service.ScalarAsync<long>("SELECT count(*) FROM bounces.advisory_state WHERE state->>'domain' = 'nohost.example'"));
    }

    [Fact]
    public async Task Advisory_another_cause_and_another_domain_are_told_too()
    {
        await using var service = await StartAsync();

        await service.PublishAsync(Reports.Failed("a@one.example", null, Reports.Recipient("bob@example.net", "5.1.1"), Reports.Recipient("carol@example.net", "5.2.2")));
        var first = new[] { await service.NextMessageAsync(), await service.NextMessageAsync() };
        await service.PublishAsync(Reports.Failed("a@two.example", null, Reports.Recipient("bob@example.net", "5.1.1")));
        var second = await service.NextMessageAsync();

        Assert.All(first, message => Assert.Equal("a@one.example", message.Envelope.Recipients[0].ForwardPath));
        Assert.Equal("a@two.example", second.Envelope.Recipients[0].ForwardPath);
    }

    [Fact]
    public async Task Advisory_silence_survives_a_restart_of_the_service()
    {
        await using (var service = await StartAsync())
        {
            await service.PublishAsync(Reports.Failed("a@restart.example", null));
            await service.NextMessageAsync();
            Assert.Equal("delivery-report-sent", (await service.NextEntryAsync()).Type);
        }

        await using (var service = await StartAsync())
        {
            await service.PublishAsync(Reports.Failed("b@restart.example", null));
            Assert.Equal("limit", (await service.NextEntryAsync()).Data.GetProperty("reason").GetString());
            Assert.True(service.Delivery.IsEmpty);
        }
    }

    [Fact]
    public async Task Advisory_same_report_again_is_neither_told_nor_counted()
    {
        await using var service = await StartAsync();
        var report = Reports.Failed("a@again.example", null);

        await service.PublishAsync(report);
        await service.NextMessageAsync();
        await service.PublishAsync(report);
        await service.PublishAsync(Reports.Failed("b@again.example", null));
        Assert.Equal("delivery-report-sent", (await service.NextEntryAsync()).Type);
        Assert.Equal("limit", (await service.NextEntryAsync()).Data.GetProperty("reason").GetString());

        Assert.True(service.Delivery.IsEmpty);
        Assert.True(service.HasNoEntry);
    }

    [Fact]
    public async Task Advisory_after_the_period_the_domain_is_told_again()
    {
        await using var service = await StartAsync();
        await service.PublishAsync(Reports.Failed("a@period.example", null));
        await service.NextMessageAsync();
        Assert.Equal("delivery-report-sent", (await service.NextEntryAsync()).Type);
        await service.PublishAsync(Reports.Failed("a@period.example", null));
        Assert.Equal("limit", (await service.NextEntryAsync()).Data.GetProperty("reason").GetString());

        // A week later: what was set for then is due.
        Assert.Equal(7.0, await service.ScalarAsync<double>(
            "SELECT extract(epoch FROM max(due_at) - now())::float8 / 86400 FROM bounces.timers"), tolerance: 0.1);
        Assert.True(await service.ScalarAsync<long>("WITH u AS (UPDATE bounces.timers SET due_at = now() RETURNING 1) SELECT count(*) FROM u") > 0);
        await Eventually.GetAsync(
            () => service.ScalarAsync<long>("SELECT count(*) FROM bounces.advisory_state WHERE state->>'domain' = 'period.example'"),
            count => count == 0,
            TimeSpan.FromSeconds(30));
        await service.PublishAsync(Reports.Failed("b@period.example", null));

        Assert.Equal("b@period.example", (await service.NextMessageAsync()).Envelope.Recipients[0].ForwardPath);
        Assert.True(service.Delivery.IsEmpty);
    }
}
