using System.Globalization;
using Mailkey.Bounces.Telemetry;
using Mailkey.Contracts.Journal;
using Mailkey.Messaging.Journal;
using Mailkey.Messaging.Sagas;

namespace Mailkey.Bounces.Reporting;

/// <summary>
/// Writes what became of a report into the life of the message that was reported on. The ids of the events follow from the
/// order, so that a report worked on twice is journalled once.
/// </summary>
public sealed class ReportJournal(IJournal journal)
{
    public void Accepted(StoredReport report) => journal.AppendAcceptance(report.Message);

    public Task SentAsync(ReportOrder order, StoredReport report, CancellationToken cancellationToken)
    {
        BouncesMetrics.CountSent(Action(order.Kind), report.Advisory);
        return AppendAsync(
            "delivery-report-sent",
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
    }

    /// <param name="id">Of the report, or of the order that was refused.</param>
    public Task SuppressedAsync(Guid id, string queueId, ReportKind kind, IEnumerable<Suppression> suppressions, CancellationToken cancellationToken) =>
        AppendAsync(
            "delivery-report-suppressed",
            id,
            queueId,
            suppressions.Select(suppression =>
            {
                BouncesMetrics.CountSuppressed(Action(kind), suppression.Reason);
                return new DeliveryReportSuppressed
                {
                    Recipient = suppression.Recipient.Recipient.ForwardPath,
                    Action = Action(kind),
                    Reason = suppression.Reason,
                };
            }),
            cancellationToken);

    private static string Action(ReportKind kind) => kind switch
    {
        ReportKind.Failed => "failed",
        ReportKind.Delayed => "delayed",
        ReportKind.Relayed => "relayed",
        _ => "delivered",
    };

    // Together, because each of them returns only with the broker's confirm.
    private Task AppendAsync<T>(string kind, Guid id, string queueId, IEnumerable<T> events, CancellationToken cancellationToken)
        where T : class =>
        Task.WhenAll(events.Select((journalEvent, index) => journal.AppendAsync(
            queueId, NameBasedId.Create(kind, id.ToString("N"), index.ToString(CultureInfo.InvariantCulture)), journalEvent, cancellationToken).AsTask()));
}
