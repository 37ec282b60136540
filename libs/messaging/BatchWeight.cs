using Mailkey.Contracts;

namespace Mailkey.Messaging;

/// <summary>
/// How much room messages take in a bus message that many share. Envelope and header are the client's choice: twenty of the
/// largest together would be more than a broker takes (RabbitMQ 4: 16 MiB), and it would answer by closing the channel under
/// everybody's mail.
/// </summary>
public static class BatchWeight
{
    /// <summary>Room of one bus message. JSON may write a character as six, so this is far below what a broker takes.</summary>
    public const long Max = 1024 * 1024;

    // Whatever else is in there: names, verdict, punctuation.
    private const long Fixed = 2048;
    private const long FixedOfRecipient = 64;

    /// <summary>Of a message that waits for its verdict.</summary>
    public static long Of(MessageReceived message) => Of(message.Envelope) + message.HeaderBlock.Length;

    /// <summary>Of an accepted message.</summary>
    public static long Of(MessageAccepted message) => Of(message.Envelope) + (message.MessageId?.Length ?? 0) + (message.Content.Prefix?.Length ?? 0);

    private static long Of(Envelope envelope)
    {
        var weight = Fixed + envelope.ReversePath.Length;
        foreach (var recipient in envelope.Recipients)
        {
            weight += FixedOfRecipient + recipient.ForwardPath.Length + (recipient.OriginalRecipient?.Length ?? 0);
        }

        return weight;
    }
}
