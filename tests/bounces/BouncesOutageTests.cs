using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using RabbitMQ.Client;

namespace Mailkey.Bounces.Tests;

/// <summary>The service while PostgreSQL is not there.</summary>
public sealed class BouncesOutageTests : IAsyncLifetime
{
    private readonly RabbitMqServer rabbit = new();
    private readonly TemporaryFolder folder = new("bounces");

    public ValueTask InitializeAsync() => rabbit.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await rabbit.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Bounces_reports_wait_for_a_killed_database_and_none_is_told_twice()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var postgres = await OwnPostgresServer.StartNewAsync(cancellation);
        await using var service = await BouncesHost.StartAsync(postgres.ConnectionString, rabbit, folder, new NamedConditions());
        await service.PublishAsync(Reports.Failed("warm@fine.example", Reports.Verdict("pass")));
        await service.NextMessageAsync();
        await service.NextEntryAsync();

        await postgres.KillAsync(cancellation);
        await service.PublishAsync(Reports.Failed("known@fine.example", Reports.Verdict("pass")));
        await service.PublishAsync(Reports.Failed("stranger@nohost.example", null));
        await WaitUntilTakenAsync(cancellation);
        await postgres.StartAsync(cancellation);

        string[] told = [(await service.NextMessageAsync()).Envelope.Recipients[0].ForwardPath, (await service.NextMessageAsync()).Envelope.Recipients[0].ForwardPath];
        Assert.Equal(["known@fine.example", "stranger@nohost.example"], told.Order());
        Assert.All([await service.NextEntryAsync(), await service.NextEntryAsync()], entry => Assert.Equal("delivery-report-sent", entry.Type));
        Assert.True(service.Delivery.IsEmpty);
    }

    /// <summary>Until the service has taken the reports off the queue and holds on to them.</summary>
    private async Task WaitUntilTakenAsync(CancellationToken cancellation)
    {
        await using var connection = await new ConnectionFactory { Uri = new(rabbit.Uri) }.CreateConnectionAsync(cancellation);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellation);
        await Eventually.GetAsync(() => channel.MessageCountAsync("bounces", cancellation), count => count == 0, TimeSpan.FromSeconds(30));
    }
}
