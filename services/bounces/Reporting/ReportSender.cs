using System.Text;
using Mailkey.Contracts;
using Mailkey.Hosting;
using Mailkey.Hosting.Options;
using Mailkey.Storage;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Mailkey.Bounces.Reporting;

/// <summary>Makes a notification a message of ours, as durable as any: content stored, then published with confirm.</summary>
public sealed class ReportSender(
    ReportComposer composer,
    SentReports sent,
    IContentStore contents,
    ReportJournal journal,
    ServiceIdentity identity,
    IOptions<MailkeyOptions> options,
    TimeProvider time)
{
    /// <summary>Sends the notification of an order, once however often it is called.</summary>
    public async Task SendAsync(ReportOrder order, IPublishEndpoint bus, CancellationToken cancellationToken)
    {
        var report = await sent.FindAsync(order.OrderId, cancellationToken) ?? await StoreAsync(order, cancellationToken);
        if (report.IsPublished)
        {
            return;
        }

        await bus.Publish(new MessageAcceptedBatch { Messages = [report.Message] }, cancellationToken);
        journal.Accepted(report);
        await journal.SentAsync(order, report, cancellationToken);
        await sent.MarkPublishedAsync(order.OrderId, cancellationToken);
    }

    private async ValueTask<StoredReport> StoreAsync(ReportOrder order, CancellationToken cancellationToken)
    {
        var queueId = ReportQueueId.Of(order.OrderId);
        var composed = await composer.ComposeAsync(order, queueId, cancellationToken);
        ContentReference content;
        await using (var writer = contents.Create(queueId))
        {
            await writer.WriteAsync(composed.Content, cancellationToken);
            content = await writer.CommitAsync(default, cancellationToken);
        }

        var report = new StoredReport(Message(order, queueId, composed, content), Advice.AdvisoryKinds.Name(composed.Advisory), IsPublished: false);
        if (await sent.TryAddAsync(order.OrderId, report.Message, report.Advisory, cancellationToken))
        {
            return report;
        }

        // Another replica was handed the same order and was quicker.
        await contents.ReleaseAsync(queueId, content, cancellationToken);
        return await sent.FindAsync(order.OrderId, cancellationToken)
            ?? throw new InvalidOperationException($"Report {order.OrderId} is neither new nor known.");
    }

    private MessageAccepted Message(ReportOrder order, string queueId, ComposedReport composed, ContentReference content)
    {
        var now = time.GetUtcNow();
        return new()
        {
            QueueId = queueId,
            ReceivedAt = now,
            AcceptedAt = now,
            Connection = new()
            {
                ClientAddress = "127.0.0.1",
                ClientName = options.Value.Hostname,
                Protocol = "BOUNCE",
                Server = identity.Instance,
            },
            Envelope = new()
            {
                // RFC 3461 §6.1: from <>, and NOTIFY=NEVER, so that its failure is nobody's news.
                ReversePath = "",
                Recipients = [new() { ForwardPath = ReversePath.Mailbox(order.Envelope.ReversePath), Notify = "NEVER" }],
                Body = Ascii.IsValid(composed.Content.Span) ? "7BIT" : "8BITMIME",
                SmtpUtf8 = order.Envelope.SmtpUtf8,
            },
            Content = content,
            MessageId = composed.MessageId,
        };
    }
}
