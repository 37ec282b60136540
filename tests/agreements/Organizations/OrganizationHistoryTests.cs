using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Organizations;
using Mailkey.Agreements.Reports;
using Mailkey.Agreements.Tests.Desk;
using Mailkey.Contracts.Agreements;
using Mailkey.Testkit.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace Mailkey.Agreements.Tests.Organizations;

/// <summary>What all agreements of an organisation came to, from the reports of SMTP and of users to its standing; on a real database.</summary>
public sealed class OrganizationHistoryTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    private static readonly Actor User = new(ActorKind.User, "alice@b.example");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static DateOnly Today => DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);

    [Fact]
    public async Task Complaints_about_several_agreements_suspend_the_organization()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var (forwarder, other) = (await host.VerifiedAsync(), await host.VerifiedAsync());
        AgreementId[] ids = [await host.ActiveAsync(forwarder, subscription: "one"), await host.ActiveAsync(forwarder, subscription: "two"), await host.ActiveAsync(other, subscription: "three")];
        await CountAsync(host, ids[0], 20, Today);
        await CountAsync(host, ids[2], 7, Today);
        await ComplainAsync(host, ids[0], 2);
        await ComplainAsync(host, ids[1], 2);
        await RecordAsync(host, ids);

        var state = await StateAsync(host, forwarder);
        Assert.Equal((new HistoryCounts(20, 4, 0), 2, OrganizationStatus.Verified), (state.Last, state.Agreements, state.Status));

        // Nobody reported anything of the other one: its day can wait until it is over.
        Assert.Equal(HistoryCounts.Zero, (await StateAsync(host, other)).History);

        await ComplainAsync(host, ids[1], 1);
        await RecordAsync(host, ids);

        state = await StateAsync(host, forwarder);
        Assert.Equal((new HistoryCounts(20, 5, 0), OrganizationStatus.Suspended), (state.Last, state.Status));
        Assert.Equal([OrganizationHold.Complaints], state.Holds);

        // What is known is not said again.
        var version = (await host.Organizations.LoadAsync(forwarder, Stop)).Version;
        await RecordAsync(host, ids);
        Assert.Equal(version, (await host.Organizations.LoadAsync(forwarder, Stop)).Version);
    }

    [Fact]
    public async Task A_day_that_is_over_is_recorded_once_with_all_its_messages()
    {
        await using var host = await DeskHost.StartAsync(postgres);
        var forwarder = await host.VerifiedAsync();
        AgreementId[] ids = [await host.ActiveAsync(forwarder, subscription: "one"), await host.ActiveAsync(forwarder, subscription: "two")];
        await CountAsync(host, ids[0], 3, Today.AddDays(-1));
        await CountAsync(host, ids[1], 4, Today.AddDays(-1));
        await RecordAsync(host, ids);
        await RecordAsync(host, ids);

        var state = await StateAsync(host, forwarder);
        Assert.Equal((Today.AddDays(-1), new HistoryCounts(7, 0, 0), 2, 1), (state.LastDay, state.Last, state.Agreements, state.HistoryDays));

        // A process that was cut off from the broker reports late.
        await CountAsync(host, ids[1], 6, Today.AddDays(-1));
        await RecordAsync(host, ids);
        Assert.Equal(new HistoryCounts(9, 0, 0), (await StateAsync(host, forwarder)).History);
    }

    [Fact]
    public async Task The_limit_of_agreements_on_probation_holds_as_soon_as_it_is_reached()
    {
        await using var host = await DeskHost.StartAsync(postgres, "--Mailkey:Agreements:Policy:AgreementsInProbation=2");
        var forwarder = await host.VerifiedAsync();
        AgreementId[] ids = [await host.ActiveAsync(forwarder, subscription: "one"), await host.ActiveAsync(forwarder, subscription: "two")];
        await RecordAsync(host, ids);

        Assert.Equal(OrganizationRefusals.AgreementsReached.Code, (await host.ProposeAsync(forwarder, subscription: "three")).Refusal?.Code);

        Assert.Null((await host.Agreements.DecideAsync(ids[0], new End(User, null), null, Stop)).Refusal);
        await RecordAsync(host, ids);
        Assert.Null((await host.ProposeAsync(forwarder, subscription: "three")).Refusal);
    }

    private static async Task<OrganizationState> StateAsync(DeskHost host, string domain) => (await host.Organizations.LoadAsync(domain, Stop)).State;

    private static Task CountAsync(DeskHost host, AgreementId id, int messages, DateOnly day) => host.Services.GetRequiredService<AgreementReports>().CountAsync(
        new() { Source = "one", Uses = [new() { AgreementId = id.ToString(), Day = day, Messages = messages }] }, Stop);

    private static async Task ComplainAsync(DeskHost host, AgreementId id, int times)
    {
        for (var i = 0; i < times; i++)
        {
            Assert.Null((await host.Agreements.DecideAsync(id, new Complain(User, ComplaintScope.Message, ComplaintClass.Content, $"{Guid.NewGuid():N}"), null, Stop)).Refusal);
        }
    }

    // The sums come from the read models.
    private static async Task RecordAsync(DeskHost host, AgreementId[] ids)
    {
        foreach (var id in ids)
        {
            await host.RegisteredAsync(id, (await host.Agreements.LoadAsync(id, null, Stop)).Version);
        }

        await host.Services.GetRequiredService<OrganizationHistory>().RecordAsync(Stop);
    }
}
