using System.Text;
using Mailkey.Bounces.Reporting;
using Mailkey.Contracts;
using Mailkey.Storage;
using Mailkey.Testkit.Infrastructure;
using Mailkey.Testkit.Reports;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Mailkey.Bounces.Tests;

public sealed class BouncesServiceTests(PostgresServer postgres) : BouncesTest(postgres), IClassFixture<PostgresServer>
{
    [Fact]
    public async Task Bounces_failure_of_an_authenticated_sender_becomes_a_notification_that_Sisimai_reads()
    {
        await using var service = await StartAsync();
        var report = Reports.Failed("alice@fine.example", Reports.Verdict("pass"), Reports.Recipient("bob@example.net"));
        report = report with { Envelope = report.Envelope with { EnvelopeId = "QQ+2B1", Return = "FULL" } };

        await service.PublishAsync(report);
        var message = await service.NextMessageAsync();
        var entry = await service.NextEntryAsync();
        Assert.Equal([message.QueueId], service.Accepted);

        // RFC 3461 §6.1
        Assert.Equal("", message.Envelope.ReversePath);
        var recipient = Assert.Single(message.Envelope.Recipients);
        Assert.Equal(("alice@fine.example", "NEVER"), (recipient.ForwardPath, recipient.Notify));
        Assert.Equal(("7BIT", false), (message.Envelope.Body, message.Envelope.SmtpUtf8));
        Assert.Null(message.Verdict);
        Assert.Matches("^[0-9A-Z]{16}$", message.QueueId);
        Assert.Equal($"<{message.QueueId}@mx.example.net>", message.MessageId);

        var content = await service.ContentAsync(message);
        var found = Assert.Single((await ReportReaders.SisimaiAsync(content)).EnumerateArray());
        Assert.Equal("bob@example.net", found.GetProperty("recipient").GetString());
        Assert.Equal("alice@fine.example", found.GetProperty("sender").GetString());
        Assert.Equal(("5.1.1", "userunknown", "failed"), (found.GetProperty("status").GetString(), found.GetProperty("reason").GetString(), found.GetProperty("action").GetString()));
        var text = Encoding.ASCII.GetString(content);
        Assert.Contains("\r\nOriginal-Envelope-Id: QQ+1\r\n", text, StringComparison.Ordinal);
        Assert.Contains("\r\nAuto-Submitted: auto-replied\r\n", text, StringComparison.Ordinal);
        Assert.Contains("\r\n    550 5.1.1 no such user\r\n", text, StringComparison.Ordinal);
        Assert.Contains("\r\nSubject: lunch\r\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("mailkey", text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("\r\nReceived:", text, StringComparison.Ordinal);

        Assert.Equal((report.QueueId, "delivery-report-sent"), (entry.QueueId, entry.Type));
        Assert.Equal(message.QueueId, entry.Data.GetProperty("reportQueueId").GetString());
        Assert.Equal(("bob@example.net", "failed", "none"),
            (entry.Data.GetProperty("recipient").GetString(), entry.Data.GetProperty("action").GetString(), entry.Data.GetProperty("advisory").GetString()));
    }

    [Fact]
    public async Task Bounces_delay_and_success_are_told_to_who_asked()
    {
        await using var service = await StartAsync();
        var wanted = Reports.Recipient("bob@example.net", "4.2.2", "SUCCESS,DELAY", "452 4.2.2 mailbox full");

        await service.PublishAsync(Reports.Delayed("alice@fine.example", Reports.Verdict("pass"), wanted));
        var delayed = Encoding.ASCII.GetString(await service.ContentAsync(await service.NextMessageAsync()));
        await service.PublishAsync(Reports.Succeeded("alice@fine.example", Reports.Verdict("pass"), relayed: true, wanted with { Status = "2.0.0" }));
        var relayed = Encoding.ASCII.GetString(await service.ContentAsync(await service.NextMessageAsync()));

        Assert.Contains("\r\nAction: delayed\r\nStatus: 4.2.2\r\n", delayed, StringComparison.Ordinal);
        Assert.Contains("\r\nWill-Retry-Until: Mon, 9 Mar 2026 11:55:00 +0000\r\n", delayed, StringComparison.Ordinal);
        Assert.Contains("\r\nAction: relayed\r\nStatus: 2.0.0\r\n", relayed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bounces_silence_is_journalled_with_its_reason()
    {
        await using var service = await StartAsync();

        await service.PublishAsync(Reports.Failed("", null));
        Assert.Equal("null-reverse-path", (await service.NextEntryAsync()).Data.GetProperty("reason").GetString());
        await service.PublishAsync(Reports.Failed("alice@fine.example", Reports.Verdict("fail")));
        Assert.Equal("forged", (await service.NextEntryAsync()).Data.GetProperty("reason").GetString());
        await service.PublishAsync(Reports.Failed("alice@fine.example", Reports.Verdict("pass"), Reports.Recipient("bob@example.net", notify: "NEVER")));
        var entry = await service.NextEntryAsync();

        Assert.Equal("delivery-report-suppressed", entry.Type);
        Assert.Equal(("bob@example.net", "failed", "notify-never"),
            (entry.Data.GetProperty("recipient").GetString(), entry.Data.GetProperty("action").GetString(), entry.Data.GetProperty("reason").GetString()));
        Assert.True(service.Delivery.IsEmpty);
    }

    [Fact]
    public async Task Bounces_note_depends_on_the_state_of_the_domain()
    {
        await using var service = await StartAsync(new KeyValuePair<string, string?>("Mailkey:Bounces:InspectionTimeout", "00:00:00.2"));

        var absent = await NoteAsync("nohost.example");
        Assert.Equal("no-host", absent.Advisory);
        Assert.Contains("\r\n  mailkey.nohost.example. 3600 IN TXT \"v=MAILKEY1; p=x\"\r\n", absent.Text, StringComparison.Ordinal);
        var year = TimeProvider.System.GetUtcNow().Year;
        Assert.Contains($"\r\n  mailkey keygen {year}a.pem\r\n", absent.Text, StringComparison.Ordinal);
        Assert.Contains($"\r\n  mailkey records nohost.example --key {year}a={year}a.pem\r\n", absent.Text, StringComparison.Ordinal);
        Assert.Contains("https://help.example.net/?domain=nohost.example", absent.Text, StringComparison.Ordinal);

        var broken = await NoteAsync("broken.example");
        Assert.Equal("host-broken", broken.Advisory);
        Assert.Contains("\r\n  mailkey.broken.example TXT: key 2026a: p= is not base64\r\n", broken.Text, StringComparison.Ordinal);

        foreach (var domain in new[] { "fine.example", "slow.example" })
        {
            var none = await NoteAsync(domain);
            Assert.Equal("none", none.Advisory);
            Assert.DoesNotContain("mailkey", none.Text, StringComparison.OrdinalIgnoreCase);
        }

        async Task<(string? Advisory, string Text)> NoteAsync(string domain)
        {
            await service.PublishAsync(Reports.Failed($"alice@{domain}", Reports.Verdict("pass")));
            var message = await service.NextMessageAsync();
            var entry = await service.NextEntryAsync();
            return (entry.Data.GetProperty("advisory").GetString(), Encoding.ASCII.GetString(await service.ContentAsync(message)));
        }
    }

    [Fact]
    public async Task Bounces_international_sender_gets_an_international_notification()
    {
        await using var service = await StartAsync();
        var report = Reports.Failed("δοκιμή@fine.example", Reports.Verdict("pass"), Reports.Recipient("josé@example.net"));

        await service.PublishAsync(report with { Envelope = report.Envelope with { SmtpUtf8 = true }, HeaderBlock = Encoding.UTF8.GetBytes("Subject: café\r\n") });
        var message = await service.NextMessageAsync();

        Assert.Equal(("8BITMIME", true), (message.Envelope.Body, message.Envelope.SmtpUtf8));
        Assert.Equal("δοκιμή@fine.example", message.Envelope.Recipients[0].ForwardPath);
        var text = Encoding.UTF8.GetString(await service.ContentAsync(message));
        Assert.Contains("\r\nContent-Type: message/global-delivery-status\r\n", text, StringComparison.Ordinal);
        Assert.Contains("\r\nFinal-Recipient: utf-8; josé@example.net\r\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bounces_same_order_twice_is_one_message()
    {
        await using var service = await StartAsync();
        var sender = service.Services.GetRequiredService<ReportSender>();
        var bus = service.Services.GetRequiredService<IBus>();
        var order = ReportRules.Decide(Reports.Failed("alice@fine.example", Reports.Verdict("pass")), new()).Send!;

        await sender.SendAsync(order, bus, TestContext.Current.CancellationToken);
        var first = await service.NextMessageAsync();
        await sender.SendAsync(order, bus, TestContext.Current.CancellationToken);

        // As if the process had died between publishing and noting it: the same content, not another one.
        Assert.Equal(1L, await service.ScalarAsync<long>($"WITH u AS (UPDATE bounces.reports_sent SET published_at = NULL WHERE order_id = '{order.OrderId}' RETURNING 1) SELECT count(*) FROM u"));
        await sender.SendAsync(order, bus, TestContext.Current.CancellationToken);
        var second = await service.NextMessageAsync();

        Assert.Equal((first.QueueId, first.Content, first.AcceptedAt, first.MessageId), (second.QueueId, second.Content, second.AcceptedAt, second.MessageId));
        Assert.True(service.Delivery.IsEmpty);
        var entries = new[] { await service.NextEntryAsync(), await service.NextEntryAsync() };
        Assert.Equal(entries[0].EventId, entries[1].EventId);
    }

    [Fact]
    public async Task Bounces_two_replicas_with_the_same_order_make_one_message()
    {
        await using var service = await StartAsync();
        var sender = service.Services.GetRequiredService<ReportSender>();
        var bus = service.Services.GetRequiredService<IBus>();
        var order = ReportRules.Decide(Reports.Failed("alice@fine.example", Reports.Verdict("pass")), new()).Send!;

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => sender.SendAsync(order, bus, TestContext.Current.CancellationToken))));

        var contents = new HashSet<ContentReference> { (await service.NextMessageAsync()).Content };
        while (!service.Delivery.IsEmpty)
        {
            contents.Add((await service.NextMessageAsync()).Content);
        }

        var content = Assert.Single(contents);
        Assert.False(await service.Services.GetRequiredService<IContentStore>().IsReleasedAsync(ReportQueueId.Of(order.OrderId), content, TestContext.Current.CancellationToken));
    }
}
