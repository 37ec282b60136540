namespace Mailkey.Scenarios.Tests;

/// <summary>
/// Alice signed her message for Carol's old address, whose host passes it on to Carol here with Alice as the envelope sender. That is what a
/// forgery looks like, unless there is an agreement; and it is one again when the agreement has ended, in the same session.
/// </summary>
public sealed class Forwarded_mail_passes_as_long_as_its_agreement_holds
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task And_not_before_and_not_after()
    {
        await using var mail = await ForwardedMail.StartAsync(new Dictionary<string, string> { ["MAILKEY_AGREEMENTS_SMTP_REPORTINTERVAL"] = "00:00:00.2" });
        var ledger = mail.Ledger;
        using var client = await mail.ConnectAsync();
        Assert.Contains("250-XFWDAGREE https://agreements.example.test/v1 METHODS=ADDRESS,REFERENCE", await client.AskAsync("EHLO mx.relay.test", Cancellation), StringComparison.Ordinal);

        var before = await mail.SendAsync(client, "before");
        Assert.StartsWith("550 5.7.20 ", before, StringComparison.Ordinal);
        Assert.Contains("made for other recipients", before, StringComparison.Ordinal);

        var id = await ledger.AddAsync(ForwardedMail.Forwarder, ForwardedMail.To, Cancellation);
        var parameters = $" XFWDAGREE={id}";
        var accepted = await mail.EventuallyAsync(
            () => mail.SendAsync(client, "under", parameters: parameters), reply => !reply.StartsWith("451 ", StringComparison.Ordinal));
        Assert.True(accepted.StartsWith("250 ", StringComparison.Ordinal), accepted + mail.System.Logs());
        var message = await mail.DeliveredAsync("under");
        Assert.Contains("Return-Path: <alice@published.test>", message, StringComparison.Ordinal);
        Assert.Contains("mailkey=policy ", message, StringComparison.Ordinal);
        Assert.Contains($"x-fwdagree=pass policy.agreement={id} policy.forwarder=relay.test policy.trust=probation policy.method=reference", message, StringComparison.Ordinal);

        // A body that was changed on the way is no forward but a forgery, with every agreement.
        Assert.StartsWith("550 5.7.20 ", await mail.SendAsync(client, "changed", parameters: parameters, change: text => text + "More.\r\n"), StringComparison.Ordinal);

        // The ledger hears of it.
        await mail.EventuallyAsync(() => ledger.StateAsync(id, Cancellation), state => state.Traffic.Messages == 1);

        await ledger.EndAsync(id, ForwardedMail.To, Cancellation);
        var after = await mail.EventuallyAsync(
            () => mail.SendAsync(client, "after", parameters: parameters), reply => !reply.StartsWith("250 ", StringComparison.Ordinal));
        Assert.StartsWith("550 5.7.1 No agreement that you may use", after, StringComparison.Ordinal);
        await client.AskAsync("RSET", Cancellation);
        Assert.StartsWith("550 5.7.20 ", await mail.SendAsync(client, "plain"), StringComparison.Ordinal);
    }
}
