namespace Mailkey.Contracts.Journal;

/// <summary>A delivery status notification was made.</summary>
[JournalEvent("delivery-report-sent")]
public sealed record DeliveryReportSent
{
    /// <summary>Queue id of the notification.</summary>
    public required string ReportQueueId { get; init; }
    public required string Recipient { get; init; }

    /// <summary>failed, delayed, delivered, relayed.</summary>
    public required string Action { get; init; }

    /// <summary>Which advisory note it carries: none, no-host, host-broken, host-unknown.</summary>
    public required string Advisory { get; init; }
}
