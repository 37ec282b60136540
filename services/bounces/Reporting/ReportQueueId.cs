using Mailkey.Messaging;

namespace Mailkey.Bounces.Reporting;

/// <summary>The queue id of a notification, which follows from the order.</summary>
public static class ReportQueueId
{
    public static string Of(Guid orderId) => OwnQueueId.Of("delivery-report", orderId);
}
