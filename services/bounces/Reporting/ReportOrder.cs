using Mailkey.Contracts;

namespace Mailkey.Bounces.Reporting;

/// <summary>What one notification says happened.</summary>
public enum ReportKind
{
    Failed,
    Delayed,
    Delivered,
    Relayed,
}

/// <summary>One notification that is to be made: a delivery report, less the recipients that nobody is told of.</summary>
public sealed record ReportOrder
{
    /// <summary>Names the notification: the same order twice is one notification.</summary>
    public required Guid OrderId { get; init; }
    public required ReportKind Kind { get; init; }
    public required string QueueId { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }
    public required Envelope Envelope { get; init; }
    public required IReadOnlyList<RecipientReport> Recipients { get; init; }
    public required byte[] HeaderBlock { get; init; }

    /// <summary>Only when delayed.</summary>
    public DateTimeOffset? WillRetryUntil { get; init; }
}
