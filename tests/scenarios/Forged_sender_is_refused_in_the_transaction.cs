namespace Mailkey.Scenarios.Tests;

[Collection(RunningSystemScenarios.Name)]
public sealed class Forged_sender_is_refused_in_the_transaction(RunningSystem running)
{
    private const string From = "alice@published.test";
    private const string To = "bob@example.test";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_a_signature()
    {
        var reply = await SendAsync(SenderDomain.Message(From, To, Id()));
        Assert.StartsWith("550 5.7.20 ", reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_a_changed_body()
    {
        var signed = running.Published.Sign(SenderDomain.Message(From, To, Id(), "Pay 10"), From, [To]);
        var reply = await SendAsync(signed.Replace("Pay 10", "Pay 1000", StringComparison.Ordinal));
        Assert.StartsWith("550 5.7.20 ", reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_a_signature_made_for_another_recipient()
    {
        var signed = running.Published.Sign(SenderDomain.Message(From, To, Id()), From, ["carol@example.test"]);
        Assert.StartsWith("550 5.7.20 ", await SendAsync(signed), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_a_key_that_the_domain_does_not_publish()
    {
        using var impostor = new SenderDomain("published.test");
        Assert.StartsWith("550 5.7.20 ", await SendAsync(impostor.Sign(SenderDomain.Message(From, To, Id()), From, [To])), StringComparison.Ordinal);
    }

    [Fact]
    public async Task And_a_domain_whose_servers_fail_is_put_off()
    {
        const string unknown = "alice@broken.test";
        var reply = await Client.SendAsync(running.System.SmtpPort, unknown, [To], SenderDomain.Message(unknown, To, Id()), Cancellation);
        Assert.StartsWith("451 4.7.5 ", reply, StringComparison.Ordinal);
    }

    private static string Id() => $"forged-{Guid.NewGuid():N}";

    private async Task<string> SendAsync(string message)
    {
        var reply = await Client.SendAsync(running.System.SmtpPort, From, [To], message, Cancellation);
        Assert.DoesNotContain(running.System.DeliveredMessages(), delivered => delivered.Contains("forged-", StringComparison.Ordinal));
        return reply;
    }
}
