using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Mailkey.Contracts.Journal;
using Mailkey.Messaging.Sagas;
using MassTransit;

namespace Mailkey.Bounces.Reporting;

/// <summary>
/// Writes what became of a report into the life of the message that was reported on. The ids of the events follow from the
/// order, so that a report worked on twice is journalled once.
/// </summary>
public sealed class ReportJournal(IBus bus, TimeProvider time)
{
    public Task SentAsync(ReportOrder order, StoredReport report, CancellationToken cancellationToken) =>
        WriteAsync(
            order.OrderId,
            order.QueueId,
            order.Recipients.Select(recipient => new DeliveryReportSent
            {
                ReportQueueId = report.Message.QueueId,
                Recipient = recipient.Recipient.ForwardPath,
                Action = Action(order.Kind),
                Advisory = report.Advisory,
            }),
            cancellationToken);

    public Task SuppressedAsync(Guid reportId, string queueId, ReportKind kind, IEnumerable<Suppression> suppressions, CancellationToken cancellationToken) =>
        WriteAsync(
            reportId,
            queueId,
            suppressions.Select(suppression => new DeliveryReportSuppressed
            {
                Recipient = suppression.Recipient.Recipient.ForwardPath,
                Action = Action(kind),
                Reason = suppression.Reason,
            }),
            cancellationToken);

    private static string Action(ReportKind kind) => kind switch
    {
        ReportKind.Failed => "failed",
        ReportKind.Delayed => "delayed",
        ReportKind.Relayed => "relayed",
        _ => "delivered",
    };

    private async Task WriteAsync<T>(Guid id, string queueId, IEnumerable<T> events, CancellationToken cancellationToken)
    {
        var type = typeof(T).GetCustomAttribute<JournalEventAttribute>()!.Name;
        var now = time.GetUtcNow();
        JournalEntry[] entries =
        [
            .. events.Select((data, index) => new JournalEntry
            {
                EventId = NameBasedId.Create(type, id.ToString("N"), index.ToString(CultureInfo.InvariantCulture)),
                QueueId = queueId,
                At = now,
                Type = type,
                Data = JsonSerializer.SerializeToElement(data),
            }),
        ];
        if (entries.Length > 0)
        {
            await bus.Publish(new JournalEntries { Entries = entries }, cancellationToken);
        }
    }
}
