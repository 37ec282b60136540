using Mailkey.Delivery.Outbound;

namespace Mailkey.Delivery.Tests.Outbound;

public sealed class DovecotTests
{
    [Fact]
    public async Task Dovecot_takes_mail_by_LMTP_and_answers_for_each_recipient()
    {
        Assert.SkipUnless(Dovecot.IsAvailable, "Dovecot with LMTP is not installed, or this is not root.");
        await using var dovecot = await Dovecot.StartAsync();
        await using var bench = DeliveryBench.To(dovecot.Port, isLmtp: true);

        var outcomes = await bench.SendAsync(DeliveryBench.Envelope("bob@example.org", "nobody@example.org"), "Subject: to dovecot\r\n\r\n.Hello\r\n");

        Assert.Equal([OutcomeKind.Delivered, OutcomeKind.Failed], outcomes.Select(outcome => outcome.Kind));
        Assert.Equal("5.1.1", outcomes[1].Status);
        Assert.Equal(SuccessReport.Delivered, outcomes[0].SuccessReport);
        var file = Assert.Single(Directory.GetFiles(Path.Combine(dovecot.Folder, "mail/bob@example.org/new")));
        var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal("Return-Path: <sender@example.net>", lines[0]);
        Assert.Equal(["Subject: to dovecot", "", ".Hello"], lines.TakeLast(3));
    }
}
