using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

[Collection(RunningSystemScenarios.Name)]
public sealed class Spf_result_is_delivered_and_traced(RunningSystem running)
{
    private const string To = "bob@example.test";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_a_client_that_may_send_for_the_domain()
    {
        await running.Dns.AddAsync("permits.test. 300 IN TXT \"v=spf1 include:relays.permits.test -all\"");
        await running.Dns.AddAsync("relays.permits.test. 300 IN TXT \"v=spf1 ip4:127.0.0.0/8 -all\"");

        var (reply, delivered) = await SendAsync("alice@permits.test");

        Assert.Matches(@"Authentication-Results: mx\.example\.test;\s+mailkey=none [^;]*;(\s+dkim=[^;]*;)*\s+spf=pass smtp\.mailfrom=alice@permits\.test\r?\n", delivered);
        Assert.DoesNotContain("Received-SPF", delivered, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("SPF         pass for permits.test (mailfrom), by include:relays.permits.test\n", await Operator.TraceAsync(running.System, reply, Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_client_that_may_not()
    {
        await running.Dns.AddAsync("forbids.test. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all exp=why.forbids.test\"");
        await running.Dns.AddAsync("why.forbids.test. 300 IN TXT \"%{i} is none of ours\"");

        var (reply, delivered) = await SendAsync("alice@forbids.test");

        Assert.Matches(@"Authentication-Results: mx\.example\.test;\s+mailkey=none [^;]*;(\s+dkim=[^;]*;)*\s+spf=fail smtp\.mailfrom=alice@forbids\.test\r?\n", delivered);
        Assert.Contains(
            "SPF         fail for forbids.test (mailfrom), by -all; the domain says: 127.0.0.1 is none of ours\n",
            await Operator.TraceAsync(running.System, reply, Cancellation),
            StringComparison.Ordinal);
    }

    private async Task<(string Reply, string Delivered)> SendAsync(string from)
    {
        var id = $"spf-{Guid.NewGuid():N}";
        var reply = await Client.SendAsync(running.System.SmtpPort, from, [To], SenderDomain.Message(from, To, id), Cancellation);
        Assert.StartsWith("250 2.", reply, StringComparison.Ordinal);
        var delivered = await Eventually.GetAsync(
            () => running.System.DeliveredMessages().SingleOrDefault(message => message.Contains(id, StringComparison.Ordinal)),
            message => message is not null,
            TimeSpan.FromSeconds(30),
            () => running.System.Logs());
        return (reply, delivered!);
    }
}
