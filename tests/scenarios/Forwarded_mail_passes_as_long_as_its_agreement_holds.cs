using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;
using Npgsql;

namespace Mailkey.Scenarios.Tests;

/// <summary>
/// Alice signed her message for Carol's old address, whose host passes it on to Carol here with Alice as the envelope sender. That is what a
/// forgery looks like, unless there is an agreement; and it is one again when the agreement has ended, in the same session.
/// </summary>
public sealed class Forwarded_mail_passes_as_long_as_its_agreement_holds(PostgresServer postgres, RabbitMqServer rabbitMq)
    : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private const string From = "alice@published.test";
    private const string Forwarded = "carol@relay.test";
    private const string To = "carol@example.test";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task And_not_before_and_not_after()
    {
        using var published = new SenderDomain("published.test");
        await using var dns = await UnboundServer.StartAsync(
            [published.Record, "relay.test. 300 IN TXT \"v=spf1 ip4:127.0.0.1 -all\"", "example.test. 300 IN A 127.0.0.1"], []);
        await using var system = new MailkeySystem(postgres.ConnectionString, rabbitMq.Uri, dns.Resolver, new Dictionary<string, string>
        {
            ["MAILKEY_AGREEMENTS_SMTP_ENABLED"] = "true",
            ["MAILKEY_AGREEMENTS_SMTP_URL"] = "https://agreements.example.test/v1",
            ["MAILKEY_AGREEMENTS_SMTP_REPORTINTERVAL"] = "00:00:00.2",
        });
        await system.StartAsync(Cancellation);
        await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
        var ledger = new LedgerOfAgreements(database);
        using var client = await Client.ConnectAsync(system.SmtpPort, Cancellation, "mx.relay.test");
        Assert.Contains("250-XFWDAGREE https://agreements.example.test/v1 METHODS=ADDRESS,REFERENCE", await client.AskAsync("EHLO mx.relay.test", Cancellation), StringComparison.Ordinal);

        var before = await SendAsync(client, published, "before", "");
        Assert.StartsWith("550 5.7.20 ", before, StringComparison.Ordinal);
        Assert.Contains("made for other recipients", before, StringComparison.Ordinal);

        var id = await ledger.AddAsync("relay.test", To, Cancellation);
        var parameters = $" XFWDAGREE={id}";
        var accepted = await Eventually.GetAsync(
            () => SendAsync(client, published, "under", parameters), reply => !reply.StartsWith("451 ", StringComparison.Ordinal), Limit, () => system.Logs());
        Assert.True(accepted.StartsWith("250 ", StringComparison.Ordinal), accepted + system.Logs());
        var message = await Eventually.GetAsync(
            () => system.DeliveredMessages().FirstOrDefault(text => text.Contains("<under@", StringComparison.Ordinal)), text => text is not null, Limit, () => system.Logs());
        Assert.Contains("Return-Path: <alice@published.test>", message, StringComparison.Ordinal);
        Assert.Contains("mailkey=policy ", message, StringComparison.Ordinal);
        Assert.Contains($"x-fwdagree=pass policy.agreement={id} policy.forwarder=relay.test policy.trust=probation policy.method=reference", message, StringComparison.Ordinal);

        // A body that was changed on the way is no forward but a forgery, with every agreement.
        Assert.StartsWith("550 5.7.20 ", await SendAsync(client, published, "changed", parameters, text => text + "More.\r\n"), StringComparison.Ordinal);

        // The ledger hears of it.
        await Eventually.GetAsync(() => ledger.StateAsync(id, Cancellation), state => state.Traffic.Messages == 1, Limit, () => system.Logs());

        await ledger.EndAsync(id, To, Cancellation);
        var after = await Eventually.GetAsync(
            () => SendAsync(client, published, "after", parameters), reply => !reply.StartsWith("250 ", StringComparison.Ordinal), Limit, () => system.Logs());
        Assert.StartsWith("550 5.7.1 No agreement that you may use", after, StringComparison.Ordinal);
        await client.AskAsync("RSET", Cancellation);
        Assert.StartsWith("550 5.7.20 ", await SendAsync(client, published, "plain", ""), StringComparison.Ordinal);
    }

    private static Task<string> SendAsync(Client client, SenderDomain domain, string id, string parameters, Func<string, string>? change = null)
    {
        var signed = domain.Sign(SenderDomain.Message(From, Forwarded, id), From, [Forwarded]);
        return client.SendAsync(From, [To], change?.Invoke(signed) ?? signed, Cancellation, parameters);
    }
}
