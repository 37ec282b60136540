using Mailkey.Contracts.Agreements;
using Mailkey.Hosting;
using Mailkey.Messaging;
using Mailkey.Testkit;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Verifier.Agreements.Replays;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mailkey.Verifier.Tests.Agreements.Replays;

public sealed class ReplayAlarmsTests(RabbitMqServer rabbit) : IClassFixture<RabbitMqServer>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Agreements_service_hears_of_an_agreement_once_an_hour()
    {
        using var host = await StartAsync();
        var bus = host.Services.GetRequiredService<IBus>();

        // The queue is declared by whoever publishes first; a probe can't wait for that.
        await bus.Publish(new AgreementMisused { AgreementId = "first", Kind = "test", QueueId = "Q0", ClientAddress = "192.0.2.1", At = DateTimeOffset.UnixEpoch }, Stop);
        await using var reports = await QueueProbe<AgreementMisused>.StartAsync(rabbit.Uri, DurableQueue.AgreementReports, Stop);
        Assert.Equal("first", (await reports.NextAsync()).AgreementId);
        var time = new JumpingTime();
        using var alarms = new ReplayAlarms(bus, time, NullLogger<ReplayAlarms>.Instance);
        await alarms.StartAsync(Stop);

        alarms.Raise("one", "Q1", "192.0.2.1");
        alarms.Raise("one", "Q2", "192.0.2.2");
        alarms.Raise("two", "Q3", "192.0.2.1");
        time.Jump(TimeSpan.FromHours(1) + TimeSpan.FromSeconds(1));
        alarms.Raise("one", "Q4", "192.0.2.3");

        // In order, so that nothing came in between.
        Assert.Equal(("one", "message-replayed", "Q1", "192.0.2.1"), Facts(await reports.NextAsync()));
        Assert.Equal(("two", "message-replayed", "Q3", "192.0.2.1"), Facts(await reports.NextAsync()));
        Assert.Equal(("one", "message-replayed", "Q4", "192.0.2.3"), Facts(await reports.NextAsync()));
        await alarms.StopAsync(Stop);
        await host.StopAsync(Stop);
    }

    private static (string AgreementId, string Kind, string QueueId, string ClientAddress) Facts(AgreementMisused alarm) =>
        (alarm.AgreementId, alarm.Kind, alarm.QueueId, alarm.ClientAddress);

    private async Task<IHost> StartAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection([new("Mailkey:RabbitMq:Uri", rabbit.Uri)]);
        builder.Services.AddLogging();
        builder.Services.AddSingleton(new ServiceIdentity("verifier"));
        builder.Services.AddMailkeyOptions(builder.Configuration);
        builder.Services.AddMailkeyBus();
        builder.Services.Configure<MassTransitHostOptions>(options => options.WaitUntilStarted = true);
        var host = builder.Build();
        await host.StartAsync(Stop);
        return host;
    }
}
