namespace Mailkey.Contracts.Journal;

/// <summary>A delivery status notification was not made, and why.</summary>
[JournalEvent("delivery-report-suppressed")]
public sealed record DeliveryReportSuppressed
{
    public required string Recipient { get; init; }
    public required string Action { get; init; }

    /// <summary>null-reverse-path, automatic-mail, list-mail, notify-never, not-requested, forged, limit, switched-off.</summary>
    public required string Reason { get; init; }
}
