using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using Mailkey.Messaging.Sagas;

namespace Mailkey.Messaging.Journal;

/// <summary>
/// The event that a message was accepted, told twice: by who accepted it, so that it is seen while it waits for delivery, and by
/// delivery, which tells the journal before it gives the bus message back. Who accepted it may die before its events have left.
/// </summary>
public static class Acceptance
{
    private static readonly string Type = JournalEventType.Of<AcceptedForDelivery>().Name;

    /// <summary>Notes the acceptance. The id of the event follows from the message, so the journal keeps one.</summary>
    public static void AppendAcceptance(this IJournal journal, MessageAccepted message) =>
        journal.Append(message.QueueId, NameBasedId.CreateAt(message.AcceptedAt, Type, message.QueueId), message.AcceptedAt, new AcceptedForDelivery
        {
            Connection = message.Connection,
            Envelope = message.Envelope,
            ReceivedAt = message.ReceivedAt,
            Size = message.Content.Length,
            MessageId = message.MessageId,
            Verdict = message.Verdict,
        });
}
