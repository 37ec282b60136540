using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

[Collection(RunningSystemScenarios.Name)]
public sealed class Honest_sender_is_delivered(RunningSystem running)
{
    private const string To = "bob@example.test";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_a_signature_of_a_published_key()
    {
        const string from = "alice@published.test";
        var id = $"honest-{Guid.NewGuid():N}";
        var reply = await Client.SendAsync(running.System.SmtpPort, from, [To], running.Published.Sign(SenderDomain.Message(from, To, id), from, [To]), Cancellation);

        Assert.StartsWith("250 2.", reply, StringComparison.Ordinal);
        var delivered = await DeliveredAsync(id);
        Assert.Matches(@"Authentication-Results: mx\.example\.test;\s+mailkey=pass", delivered);
        Assert.Contains("Return-Path: <alice@published.test>", delivered, StringComparison.Ordinal);
    }

    [Fact]
    public async Task From_a_domain_without_a_mailkey_host()
    {
        const string from = "alice@unpublished.test";
        var id = $"honest-{Guid.NewGuid():N}";
        var reply = await Client.SendAsync(running.System.SmtpPort, from, [To], SenderDomain.Message(from, To, id), Cancellation);

        Assert.StartsWith("250 2.", reply, StringComparison.Ordinal);
        Assert.Matches(@"Authentication-Results: mx\.example\.test;\s+mailkey=none", await DeliveredAsync(id));
    }

    [Fact]
    public async Task To_every_recipient_of_the_transaction()
    {
        const string from = "alice@published.test";
        string[] to = ["bob@example.test", "carol@example.test", "postmaster@example.test"];
        var id = $"honest-{Guid.NewGuid():N}";
        var reply = await Client.SendAsync(running.System.SmtpPort, from, to, running.Published.Sign(SenderDomain.Message(from, To, id), from, to), Cancellation);

        Assert.StartsWith("250 2.", reply, StringComparison.Ordinal);
        await Eventually.GetAsync(() => running.System.DeliveredMessages().Count(message => message.Contains(id, StringComparison.Ordinal)), count => count == 3, TimeSpan.FromSeconds(30), () => running.System.Logs());
    }

    private async Task<string> DeliveredAsync(string id) =>
        (await Eventually.GetAsync(
            () => running.System.DeliveredMessages().SingleOrDefault(message => message.Contains(id, StringComparison.Ordinal)),
            message => message is not null,
            TimeSpan.FromSeconds(30),
            () => running.System.Logs()))!;
}
