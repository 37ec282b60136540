using System.Runtime.InteropServices;
using System.Text.Json;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using Mailkey.Journal.Search;
using Mailkey.Ledger;
using Mailkey.Messaging.Journal;

namespace Mailkey.Journal.Append;

/// <summary>Makes journal records of what comes over the bus.</summary>
internal static class JournalRecords
{
    private static readonly string Accepted = JournalEventType.Of<AcceptedForDelivery>().Name;
    private static readonly string Refused = JournalEventType.Of<TransactionRefused>().Name;
    private static readonly string Delivered = JournalEventType.Of<RecipientDelivered>().Name;
    private static readonly string Deferred = JournalEventType.Of<RecipientDeferred>().Name;
    private static readonly string Failed = JournalEventType.Of<RecipientFailed>().Name;

    /// <summary>The record of an entry. A type that is not known here yet is kept all the same.</summary>
    /// <exception cref="JsonException">The entry does not have the shape of its type.</exception>
    public static JournalRecord From(JournalEntry entry)
    {
        var record = new NewEvent(entry.EventId, entry.QueueId, entry.Type, entry.At, JsonMarshal.GetRawUtf8Value(entry.Data).ToArray());
        if (string.Equals(entry.Type, Accepted, StringComparison.Ordinal))
        {
            var accepted = entry.Data.Deserialize(JournalJson.Default.AcceptedForDelivery) ?? throw new JsonException("The entry is null.");
            return new(record, Row(entry.QueueId, entry.At, "accepted", accepted.Envelope, accepted.MessageId) with { ReceivedAt = accepted.ReceivedAt });
        }

        if (string.Equals(entry.Type, Refused, StringComparison.Ordinal))
        {
            var refused = entry.Data.Deserialize(JournalJson.Default.TransactionRefused) ?? throw new JsonException("The entry is null.");
            return new(record, Row(entry.QueueId, entry.At, "refused", refused.Envelope, refused.MessageId));
        }

        var state = entry.Type switch
        {
            _ when string.Equals(entry.Type, Delivered, StringComparison.Ordinal) => "delivered",
            _ when string.Equals(entry.Type, Deferred, StringComparison.Ordinal) => "deferred",
            _ when string.Equals(entry.Type, Failed, StringComparison.Ordinal) => "failed",
            _ => null,
        };
        return new(record, state is null ? null : new MessageRow { QueueId = entry.QueueId, ReceivedAt = entry.At, LastAt = entry.At, State = state });
    }

    private static MessageRow Row(string queueId, DateTimeOffset at, string state, Envelope envelope, string? messageId) => new()
    {
        QueueId = queueId,
        ReceivedAt = at,
        LastAt = at,
        State = state,
        MessageId = messageId,
        ReversePath = envelope.ReversePath,
        Addresses = [.. envelope.Recipients.Select(recipient => recipient.ForwardPath).Append(envelope.ReversePath)
            .Where(address => address.Length > 0).Select(MessageRow.Searchable).Distinct(StringComparer.Ordinal)],
    };
}
