using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Spf;
using Mailkey.Testkit;
using Mailkey.Testkit.Dns;
using Mailkey.Verifier.Evidence;
using Microsoft.Extensions.Options;

namespace Mailkey.Verifier.Tests.Evidence;

public sealed class SpfCheckTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Check_asks_the_domain_of_the_reverse_path_or_that_of_the_client()
    {
        await using var server = await UnboundServer.StartAsync(
            "sender.test. 300 IN TXT \"v=spf1 ip4:192.0.2.0/24 -all exp=why.sender.test\"",
            "why.sender.test. 300 IN TXT \"%{c} may not send for %{d}, says %{r}\"",
            "client.test. 300 IN TXT \"v=spf1 a ~all\"",
            "client.test. 300 IN A 192.0.2.1");
        var resolver = new DnsResolver(new() { Servers = [server.Endpoint], AttemptTimeout = Patience, Timeout = Patience }, TimeProvider.System);
        var check = Check(resolver, TimeProvider.System, Patience);

        Assert.Equal(
            new SpfEvidence { Result = "pass", Identity = "mailfrom", Domain = "sender.test", Mechanism = "ip4:192.0.2.0/24" },
            await check.CheckAsync(Message("192.0.2.1", "alice@Sender.Test"), Cancellation));
        Assert.Equal(
            new SpfEvidence { Result = "fail", Identity = "mailfrom", Domain = "sender.test", Mechanism = "-all", Reason = "198.51.100.1 may not send for sender.test, says mx.example.test" },
            await check.CheckAsync(Message("198.51.100.1", "alice@sender.test"), Cancellation));
        Assert.Equal(
            new SpfEvidence { Result = "pass", Identity = "helo", Domain = "client.test", Mechanism = "a" },
            await check.CheckAsync(Message("192.0.2.1", ""), Cancellation));
        Assert.Equal(
            new SpfEvidence { Result = "none", Identity = "mailfrom", Domain = "other.test", Reason = "other.test: no SPF record" },
            await check.CheckAsync(Message("192.0.2.1", "bob@other.test"), Cancellation));
    }

    [Fact]
    public async Task Check_gives_up_when_its_time_is_over()
    {
        var time = new ManualTime();
        await using var server = HostileDnsServer.Start(_ => HostileReply.Silence);
        var resolver = new DnsResolver(new() { Servers = [server.Endpoint], AttemptTimeout = 10 * Patience, Timeout = 10 * Patience }, TimeProvider.System);

        var check = Check(resolver, time, TimeSpan.FromSeconds(5)).CheckAsync(Message("192.0.2.1", "alice@sender.test"), Cancellation).AsTask();
        await time.AdvanceUntilAsync(check, TimeSpan.FromSeconds(5)).WaitAsync(Patience, Cancellation);
        var evidence = await check;

        Assert.Equal(("temperror", "the time for SPF is up"), (evidence!.Result, evidence.Reason));
    }

    [Fact]
    public async Task Check_can_be_switched_off()
    {
        await using var server = HostileDnsServer.Start(query => query.NameError());
        var resolver = new DnsResolver(new() { Servers = [server.Endpoint] }, TimeProvider.System);

        Assert.Null(await Check(resolver, TimeProvider.System, Patience, enabled: false).CheckAsync(Message("192.0.2.1", "alice@sender.test"), Cancellation));
        Assert.Empty(server.Queries);
    }

    private static SpfCheck Check(IDnsResolver resolver, TimeProvider time, TimeSpan timeLimit, bool enabled = true)
    {
        var options = new MailkeyOptions { Hostname = "mx.example.test" };
        options.Spf.Enabled = enabled;
        return new(new SpfEvaluator(resolver, timeLimit, time), Options.Create(options));
    }

    private static MessageReceived Message(string client, string reversePath) => new()
    {
        QueueId = "Q",
        ReceivedAt = DateTimeOffset.UnixEpoch,
        Connection = new() { ClientAddress = client, ClientName = "client.test", Protocol = "ESMTP", Server = "test" },
        Envelope = new() { ReversePath = reversePath, Recipients = [] },
        HeaderBlock = [],
        BodyHashes = [],
        Size = 0,
    };
}
