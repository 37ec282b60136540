namespace Mailkey.Contracts;

/// <summary>
/// What delivery found out about some recipients of one message, all that a delivery status notification needs.
/// Durable; a consumer is idempotent by <see cref="ReportId"/>.
/// </summary>
public abstract record DeliveryReport
{
    public required Guid ReportId { get; init; }
    public required string QueueId { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }
    public required Envelope Envelope { get; init; }

    /// <summary>The recipients that this report speaks of, a part of the envelope's.</summary>
    public required IReadOnlyList<RecipientReport> Recipients { get; init; }

    /// <summary>Header block of the message, CRLF line ends, cut at 64 KiB at a field's end.</summary>
    public required byte[] HeaderBlock { get; init; }

    /// <summary>Null for mail that the system itself made.</summary>
    public Verdict? Verdict { get; init; }
}
