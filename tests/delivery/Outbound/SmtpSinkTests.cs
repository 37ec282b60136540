using Mailkey.Delivery.Outbound;

namespace Mailkey.Delivery.Tests.Outbound;

public sealed class SmtpSinkTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_messages_arrive_once_each(bool isLmtp)
    {
        await using var sink = await SmtpSink.StartAsync(isLmtp ? ["-L"] : []);
        await using var bench = DeliveryBench.To(sink.Port, isLmtp: isLmtp);

        var all = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => bench.SendAsync(DeliveryBench.Envelope("a@example.org", "b@example.org"), $"Subject: number {i}.\r\n\r\n.Hello\r\n")));

        Assert.All(all, outcomes => Assert.All(outcomes, outcome => Assert.Equal(OutcomeKind.Delivered, outcome.Kind)));
        var subjects = sink.Messages.Select(file => File.ReadAllLines(file).Single(line => line.StartsWith("Subject:", StringComparison.Ordinal))).ToList();
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"Subject: number {i}.").Order(StringComparer.Ordinal), subjects.Order(StringComparer.Ordinal));
        Assert.Contains(".Hello", await File.ReadAllLinesAsync(sink.Messages[0], TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("-r", "MAIL", OutcomeKind.Deferred)]
    [InlineData("-r", "RCPT", OutcomeKind.Deferred)]
    [InlineData("-r", "DATA", OutcomeKind.Deferred)]
    [InlineData("-r", ".", OutcomeKind.Deferred)]
    [InlineData("-r", "CONNECT", OutcomeKind.Deferred)]
    [InlineData("-f", "MAIL", OutcomeKind.Failed)]
    [InlineData("-f", "RCPT", OutcomeKind.Failed)]
    [InlineData("-f", "DATA", OutcomeKind.Failed)]
    [InlineData("-f", ".", OutcomeKind.Failed)]
    [InlineData("-f", "EHLO", OutcomeKind.Delivered)]
    [InlineData("-f", "CONNECT", OutcomeKind.Deferred)]
    [InlineData("-q", "CONNECT", OutcomeKind.Deferred)]
    [InlineData("-q", "MAIL", OutcomeKind.Deferred)]
    [InlineData("-q", "RCPT", OutcomeKind.Deferred)]
    [InlineData("-q", "DATA", OutcomeKind.Deferred)]
    [InlineData("-q", ".", OutcomeKind.Deferred)]
    [InlineData("-Q", "MAIL", OutcomeKind.Deferred)]
    [InlineData("-Q", "RCPT", OutcomeKind.Deferred)]
    [InlineData("-Q", ".", OutcomeKind.Deferred)]
    [InlineData("-e", "-8", OutcomeKind.Delivered)]
    [InlineData("-p", "-8", OutcomeKind.Delivered)]
    public async Task What_the_host_does_is_the_outcome(string option, string command, OutcomeKind expected)
    {
        await using var sink = await SmtpSink.StartAsync(option, command);
        await using var bench = DeliveryBench.To(sink.Port);

        var outcome = Assert.Single(await bench.SendAsync("a@example.org"));

        Assert.Equal(expected, outcome.Kind);
        Assert.Equal(expected == OutcomeKind.Failed ? '5' : expected == OutcomeKind.Deferred ? '4' : '2', outcome.Status[0]);
    }
}
