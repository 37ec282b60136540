using Mailkey.Testkit.Dns;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

/// <summary>Mail that was taken and then refused by the next hop comes back as a DSN that says how to publish a mailkey, once.</summary>
public sealed class Bounce_teaches_the_unpublished_domain(PostgresServer postgres, RabbitMqServer rabbitMq)
    : IClassFixture<PostgresServer>, IClassFixture<RabbitMqServer>
{
    private const string From = "alice@unpublished.test";
    private const string To = "bob@example.test";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(45);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Once_and_no_more()
    {
        await using var senders = Sink.Start();
        await using var mailboxes = Sink.Start("550 5.1.1 No such mailbox");
        await using var dns = await UnboundServer.StartAsync(
            "unpublished.test. 300 IN MX 10 mx.unpublished.test.",
            "mx.unpublished.test. 300 IN A 127.0.0.1",
            "second.test. 300 IN MX 10 mx.unpublished.test.");
        await using var system = new MailkeySystem(postgres.ConnectionString, rabbitMq.Uri, dns.Resolver, new Dictionary<string, string>
        {
            ["MAILKEY_NEXTHOP"] = $"smtp://127.0.0.1:{mailboxes.Port}",
            ["MAILKEY_DELIVERY_SMTPPORT"] = $"{senders.Port}",
        });
        await system.StartAsync(["bounces", "delivery", "verifier-1", "ingress"], Cancellation);

        Assert.StartsWith("250 ", await SendAsync(system, From, "first"), StringComparison.Ordinal);
        var bounce = (await Eventually.GetAsync(() => senders.Messages.FirstOrDefault(), message => message is not null, Limit, () => system.Logs()))!;

        Assert.Equal("", bounce.ReversePath);
        Assert.Equal([From], bounce.ForwardPaths);
        Assert.Contains("multipart/report", bounce.Content, StringComparison.Ordinal);
        Assert.Contains("Final-Recipient: rfc822;bob@example.test", bounce.Content.Replace("; ", ";", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("5.1.1", bounce.Content, StringComparison.Ordinal);
        Assert.Contains("mailkey.unpublished.test", bounce.Content, StringComparison.Ordinal);
        Assert.Contains("v=MAILKEY1", bounce.Content, StringComparison.Ordinal);

        // A second one from the same domain earns no second note; one from another domain, sent later, does, so that
        // nothing that is still on its way can be mistaken for nothing.
        Assert.StartsWith("250 ", await SendAsync(system, From, "again"), StringComparison.Ordinal);
        Assert.StartsWith("250 ", await SendAsync(system, "alice@second.test", "other"), StringComparison.Ordinal);
        await Eventually.GetAsync(() => senders.Messages.Any(message => message.ForwardPaths[0] == "alice@second.test"), found => found, Limit, () => system.Logs());
        Assert.Single(senders.Messages, message => message.ForwardPaths[0] == From);
    }

    private static Task<string> SendAsync(MailkeySystem system, string from, string id) =>
        Client.SendAsync(system.SmtpPort, from, [To], SenderDomain.Message(from, To, id), Cancellation);
}
