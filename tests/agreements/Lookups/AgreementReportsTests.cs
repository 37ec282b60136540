using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Reports;
using Mailkey.Agreements.Tests.Agreements;
using Mailkey.Contracts.Agreements;
using Mailkey.Hosting;
using Mailkey.Ledger.Events;
using Mailkey.Testkit.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using ManualTime = Mailkey.Testkit.ManualTime;

namespace Mailkey.Agreements.Tests.Lookups;

/// <summary>What SMTP reports, and what the ledger makes of it; on a real database.</summary>
public sealed class AgreementReportsTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    private static readonly DateTimeOffset Now = Story.Start.AddDays(1);
    private static readonly DateOnly Today = DateOnly.FromDateTime(Now.UtcDateTime);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Counts_of_several_processes_add_up_whatever_comes_twice_or_late()
    {
        var time = new ManualTime(Now);
        await using var service = await StartAsync(time);
        var reports = service.Services.GetRequiredService<AgreementReports>();
        var id = await ActivateAsync(service);

        await reports.CountAsync(Used("one", id, 3), Stop);
        Assert.Equal(3, await MessagesAsync(service, id));
        await reports.CountAsync(Used("two", id, 4), Stop);
        await reports.CountAsync(Used("two", id, 4), Stop);
        await reports.CountAsync(Used("one", id, 2), Stop);
        Assert.Equal(7, await MessagesAsync(service, id));

        // No doubling: the ledger hears of it when the day is over.
        await reports.CountAsync(Used("one", id, 5), Stop);
        Assert.Equal(7, await MessagesAsync(service, id));
        await reports.CloseDaysAsync(Stop);
        Assert.Equal(7, await MessagesAsync(service, id));
        time.Advance(TimeSpan.FromDays(1));
        await reports.CloseDaysAsync(Stop);
        Assert.Equal(9, await MessagesAsync(service, id));
        var version = await VersionAsync(service, id);
        await reports.CloseDaysAsync(Stop);
        Assert.Equal(version, await VersionAsync(service, id));
    }

    [Fact]
    public async Task Sudden_volume_suspends_while_it_comes()
    {
        var time = new ManualTime(Now);
        await using var service = await StartAsync(time);
        var reports = service.Services.GetRequiredService<AgreementReports>();
        var id = await ActivateAsync(service);
        await reports.CountAsync(Used("one", id, 5), Stop);
        time.Advance(TimeSpan.FromDays(1));
        await reports.CountAsync(Used("one", id, 60, Today.AddDays(1)), Stop);

        Assert.Equal([Hold.Misuse], (await StateAsync(service, id)).Holds);
    }

    [Fact]
    public async Task Misuse_counts_once_for_a_transaction_and_suspends_as_the_policy_says()
    {
        await using var service = await StartAsync(new ManualTime(Now));
        var reports = service.Services.GetRequiredService<AgreementReports>();
        var (one, two) = (await ActivateAsync(service), await ActivateAsync(service));
        for (var i = 0; i < 10; i++)
        {
            await reports.ReportAsync(Misused(one, "wrong-reference", "Q1"), Stop);
        }

        Assert.Equal(AgreementStatus.ActiveProbation, (await StateAsync(service, one)).Status);
        await reports.ReportAsync(Misused(two, "address-used-by-another", "Q2"), Stop);
        Assert.Equal(AgreementStatus.ActiveProbation, (await StateAsync(service, two)).Status);

        for (var i = 0; i < 10; i++)
        {
            await reports.ReportAsync(Misused(two, "message-replayed", $"Q{i}"), Stop);
        }

        Assert.Equal((AgreementStatus.ActiveProbation, Today), ((await StateAsync(service, two)).Status, (await StateAsync(service, two)).Replayed));

        // What names nothing harms nothing.
        await reports.ReportAsync(Misused(one, "no such kind", "Q3"), Stop);
        await reports.ReportAsync(new() { AgreementId = "nonsense", Kind = "wrong-reference", QueueId = "Q4", ClientAddress = "192.0.2.1", At = Now }, Stop);
        await reports.ReportAsync(Misused(AgreementId.Mint(), "wrong-reference", "Q5"), Stop);
    }

    private static AgreementsUsed Used(string source, AgreementId id, int messages, DateOnly? day = null) =>
        new() { Source = source, Uses = [new() { AgreementId = id.ToString(), Day = day ?? Today, Messages = messages }] };

    private static AgreementMisused Misused(AgreementId id, string kind, string queueId) =>
        new() { AgreementId = id.ToString(), Kind = kind, QueueId = queueId, ClientAddress = "192.0.2.1", At = Now };

    private static async Task<AgreementState> StateAsync(WebApplication service, AgreementId id) => (await Aggregates(service).LoadAsync(id.StreamId, null, Stop)).State;

    private static async Task<long> VersionAsync(WebApplication service, AgreementId id) => (await Aggregates(service).LoadAsync(id.StreamId, null, Stop)).Version;

    private static async Task<int> MessagesAsync(WebApplication service, AgreementId id) => (await StateAsync(service, id)).Traffic.Messages;

    private static Aggregates<AgreementState> Aggregates(WebApplication service) => service.Services.GetRequiredService<Aggregates<AgreementState>>();

    private static async Task<AgreementId> ActivateAsync(WebApplication service)
    {
        var id = AgreementId.Mint();
        foreach (var happened in Story.At(AgreementStatus.ActiveProbation).Events)
        {
            await Aggregates(service).DecideAsync(id.StreamId, _ => ((IReadOnlyList<object>)[happened], true), Story.Forwarder.ToString(), cause: null, Stop);
        }

        return id;
    }

    // Not started: only the tables are needed, and nothing of the bus.
    private async Task<WebApplication> StartAsync(TimeProvider time)
    {
        var builder = ServiceHost.CreateBuilder("agreements", ["--Mailkey:Http:Port=0", $"--Mailkey:Postgres:ConnectionString={postgres.ConnectionString}"]);
        builder.Logging.ClearProviders();
        builder.Services.AddAgreements();
        builder.Services.Replace(ServiceDescriptor.Singleton(time));
        var service = builder.Build();
        await service.Services.GetRequiredService<Mailkey.Hosting.Postgres.SchemaMigrator>().ApplyAsync(
            service.Services.GetServices<Mailkey.Hosting.Postgres.SchemaMigration>(), Stop);
        return service;
    }
}
