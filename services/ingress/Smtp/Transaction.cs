using Mailkey.Contracts;
using Mailkey.Ingress.Agreements;
using Mailkey.Ingress.Intake;
using Mailkey.Smtp;

namespace Mailkey.Ingress.Smtp;

/// <summary>One mail transaction: from an accepted MAIL to the reply for the content, RSET, or the end of the session.</summary>
internal sealed class Transaction(string queueId, MailArguments mail)
{
    /// <summary>Refused recipients that are remembered for the journal.</summary>
    private const int MaxRefusedRecipients = 100;

    /// <summary>Octets of recipients that one transaction may name: all of them travel in one bus message.</summary>
    private const int MaxRecipientOctets = 1024 * 1024;

    private readonly List<Recipient> refused = [];
    private int recipientOctets;

    public string QueueId { get; } = queueId;

    public MailArguments Mail { get; } = mail;

    /// <summary>What replies of this transaction end in.</summary>
    public string Suffix { get; } = $" [{queueId}]";

    public List<Recipient> Recipients { get; } = [];

    /// <summary>The forwarding agreement; null for ordinary mail.</summary>
    public Hat? Hat { get; set; }

    /// <summary>Who has logged in; null for ordinary mail.</summary>
    public ForwarderLogin? Login { get; set; }

    /// <summary>Whether the recipient is the address made for the forwarder, behind which the mailbox stands.</summary>
    public bool IsToAddress { get; set; }

    /// <summary>The last refusal of a recipient; null while none was refused.</summary>
    public SmtpReply? RecipientRefusal { get; private set; }

    /// <summary>Whether no more recipients fit, however few they are.</summary>
    public bool IsFull => recipientOctets >= MaxRecipientOctets;

    // From here on: content.

    /// <summary>Where the content goes; null before it begins and when it is lost.</summary>
    public IIncomingMessage? Content { get; set; }

    public DataDecoder Decoder;

    /// <summary>Octets of content so far.</summary>
    public long Octets { get; set; }

    /// <summary>The reply that the end of the content will get, because the message is lost already.</summary>
    public SmtpReply? Refusal { get; set; }

    public void Refuse(RcptArguments recipient, SmtpReply reply)
    {
        RecipientRefusal = reply;
        if (refused.Count < MaxRefusedRecipients)
        {
            refused.Add(Entry(recipient));
        }
    }

    /// <summary>Adds a recipient; one that is there already gets no second copy.</summary>
    /// <returns>Whether it was not there yet.</returns>
    public bool TryAccept(RcptArguments recipient)
    {
        var path = recipient.ForwardPath.Text;
        foreach (var known in Recipients)
        {
            if (string.Equals(known.ForwardPath, path, StringComparison.Ordinal))
            {
                return false;
            }
        }

        Recipients.Add(Entry(recipient));
        recipientOctets += path.Length + (recipient.OriginalRecipient?.Length ?? 0);
        return true;
    }

    /// <summary>The envelope as it is. When no recipient was accepted, it names those that were asked for.</summary>
    public Envelope ToEnvelope() => new()
    {
        ReversePath = Mail.ReversePath.Text,
        Recipients = Recipients.Count > 0 ? Recipients : refused,
        Body = Mail.Body,
        SmtpUtf8 = Mail.SmtpUtf8,
        Return = Mail.Return,
        EnvelopeId = Mail.EnvelopeId,
        Agreement = Hat is null ? null : new()
        {
            AgreementId = Hat.Agreement.Id,
            Method = Hat.Method,
            AuthenticatedForwarder = Login?.Forwarder,
            Credential = Login?.Credential,
            DeliverTo = IsToAddress ? Hat.Agreement.Recipient : null,
        },
    };

    private static Recipient Entry(RcptArguments recipient) => new()
    {
        ForwardPath = recipient.ForwardPath.Text,
        Notify = recipient.Notify,
        OriginalRecipient = recipient.OriginalRecipient,
    };
}
