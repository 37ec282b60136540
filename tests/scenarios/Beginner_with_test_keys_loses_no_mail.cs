using Mailkey.Testkit.Processes;

namespace Mailkey.Scenarios.Tests;

[Collection(RunningSystemScenarios.Name)]
public sealed class Beginner_with_test_keys_loses_no_mail(RunningSystem running)
{
    private const string To = "bob@example.test";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Signed_or_not()
    {
        const string from = "alice@beginner.test";
        using var beginner = new SenderDomain("beginner.test");
        await running.Dns.AddAsync(beginner.Record.TrimEnd('"') + "; t=y\"");

        await AssertNeutralAsync(from, message => message, "test keys only: no signature");
        await AssertNeutralAsync(from, message => beginner.Sign(message, from, [To]), "good signature of the test key k1");
        await AssertNeutralAsync(from, message => beginner.Sign(message, from, [To]).Replace("Hello", "Hallo", StringComparison.Ordinal), "test key k1: the body was changed after signing");
    }

    private async Task AssertNeutralAsync(string from, Func<string, string> relay, string reason)
    {
        var id = $"beginner-{Guid.NewGuid():N}";
        var reply = await Client.SendAsync(running.System.SmtpPort, from, [To], relay(SenderDomain.Message(from, To, id)), Cancellation);
        Assert.StartsWith("250 2.", reply, StringComparison.Ordinal);
        var delivered = await Eventually.GetAsync(
            () => running.System.DeliveredMessages().SingleOrDefault(message => message.Contains(id, StringComparison.Ordinal)),
            message => message is not null,
            TimeSpan.FromSeconds(30),
            () => running.System.Logs());
        Assert.Matches(@"Authentication-Results: mx\.example\.test;\s+mailkey=neutral", delivered);
        Assert.Contains($"Reason      {reason}\n", await Operator.TraceAsync(running.System, reply, Cancellation), StringComparison.Ordinal);
    }
}
