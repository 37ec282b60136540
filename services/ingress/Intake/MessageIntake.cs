using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Ingress.Agreements;
using Mailkey.Ingress.Telemetry;
using Mailkey.Messaging.Verdicts;
using Mailkey.Smtp;
using Mailkey.Storage;
using Microsoft.Extensions.Options;

namespace Mailkey.Ingress.Intake;

/// <summary>What every incoming message needs of the service.</summary>
internal sealed class MessageIntake(
    IOptions<MailkeyOptions> options,
    IContentStore store,
    IVerdictRequester verdicts,
    AcceptancePublisher acceptances,
    PassedSenders passedSenders,
    RefusalJournal refusals,
    TimeProvider time,
    ILogger<MessageIntake> logger,
    IAgreementReports? reports = null) : IMessageIntake
{
    public MailkeyOptions Options { get; } = options.Value;

    public IContentStore Store => store;

    public IVerdictRequester Verdicts => verdicts;

    public AcceptancePublisher Acceptances => acceptances;

    public PassedSenders PassedSenders => passedSenders;

    /// <summary>Null: forwarding agreements are switched off.</summary>
    public IAgreementReports? AgreementReports => reports;

    public TimeProvider Time => time;

    public ILogger Logger => logger;

    public IIncomingMessage Begin(string queueId, ConnectionFacts connection, Envelope envelope) =>
        new IncomingMessage(this, queueId, connection, envelope);

    public void NoteRefusal(string queueId, ConnectionFacts connection, Envelope envelope, SmtpReply reply) =>
        NoteRefusal(queueId, connection, envelope, reply, receivedAt: null, size: 0, messageId: null, verdict: null);

    public void NoteRefusal(
        string queueId, ConnectionFacts connection, Envelope envelope, SmtpReply reply, DateTimeOffset? receivedAt, long size, string? messageId, Verdict? verdict)
    {
        IngressMetrics.TransactionEnded(reply.Code, verdict?.Rule);
        refusals.Note(queueId, new()
        {
            Connection = connection,
            Envelope = envelope,
            Reply = new() { Code = reply.Code, EnhancedCode = reply.EnhancedCode?.ToString() ?? "", Text = string.Join(' ', reply.Lines) },
            Size = size,
            ReceivedAt = receivedAt,
            MessageId = messageId,
            Verdict = verdict,
        });
    }
}
