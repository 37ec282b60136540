using System.Buffers;
using System.Globalization;
using Mailkey.Bounces.Advice;
using Mailkey.Hosting.Options;
using Mailkey.Mime;
using Mailkey.Mime.Reports;
using Microsoft.Extensions.Options;

namespace Mailkey.Bounces.Reporting;

/// <summary>A notification, ready for the content store.</summary>
/// <param name="Content">The message, CRLF line ends.</param>
/// <param name="MessageId">Its Message-ID with brackets.</param>
/// <param name="Advisory">The note it carries.</param>
public sealed record ComposedReport(ReadOnlyMemory<byte> Content, string MessageId, AdvisoryKind Advisory);

/// <summary>Makes the message of a notification: RFC 3464 fields, words for people, and the note for the domain's owner.</summary>
public sealed class ReportComposer(IDomainInspector inspector, IOptions<MailkeyOptions> options, TimeProvider time, ILogger<ReportComposer> logger)
{
    public async ValueTask<ComposedReport> ComposeAsync(ReportOrder order, string queueId, CancellationToken cancellationToken)
    {
        var hostname = options.Value.Hostname;
        var now = time.GetUtcNow();
        var domain = ReversePath.Domain(order.Envelope.ReversePath);
        var condition = domain is null ? DomainCondition.Unremarkable : await InspectAsync(domain, cancellationToken);
        var note = domain is null
            ? []
            : AdvisoryNote.Lines(condition, domain, $"{now.Year.ToString(CultureInfo.InvariantCulture)}a", options.Value.Policy.HelpUrl + domain);
        var messageId = $"<{queueId}@{hostname}>";
        var content = new ArrayBufferWriter<byte>(4096);
        DeliveryStatusWriter.Write(
            new()
            {
                // RFC 3464 §2: a notification comes from an address that a person reads, and postmaster is always one.
                From = $"postmaster@{hostname}",

                // RFC 3461 §6.2: addressed to the reverse-path, never to what the header claims.
                To = ReversePath.Mailbox(order.Envelope.ReversePath),
                Subject = ReportText.Subject(order.Kind),
                Date = now,
                MessageId = messageId,
                OriginalMessageId = HeaderBlock.Parse(order.HeaderBlock).MessageId(),
                Text = [.. ReportText.Lines(order, hostname), .. note],
                ReportingMta = hostname,
                Arrival = order.ReceivedAt,
                EnvelopeId = order.Envelope.EnvelopeId,
                Recipients = [.. order.Recipients.Select(recipient => Status(order, recipient))],

                // RET=FULL (RFC 3461 §4.3) is not honoured: a body sent to a forged address would be the forger's message delivered.
                HeaderBlock = order.HeaderBlock,
                SmtpUtf8 = order.Envelope.SmtpUtf8,
            },
            content);
        return new(content.WrittenMemory, messageId, condition.Kind);
    }

    private static RecipientStatus Status(ReportOrder order, Contracts.RecipientReport recipient) => new()
    {
        FinalRecipient = recipient.Recipient.ForwardPath,
        OriginalRecipient = recipient.Recipient.OriginalRecipient,
        Action = order.Kind switch
        {
            ReportKind.Failed => DeliveryAction.Failed,
            ReportKind.Delayed => DeliveryAction.Delayed,
            ReportKind.Relayed => DeliveryAction.Relayed,
            _ => DeliveryAction.Delivered,
        },
        Status = recipient.Status,
        RemoteMta = recipient.RemoteMta,
        SmtpDiagnostic = recipient.DiagnosticIsSmtp ? recipient.Diagnostic : null,
        LastAttempt = recipient.LastAttempt,
        WillRetryUntil = order.WillRetryUntil,
    };

    /// <summary>A note is a courtesy: a slow or broken inspection never keeps a notification back.</summary>
    private async ValueTask<DomainCondition> InspectAsync(string domain, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.Value.Bounces.InspectionTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await inspector.InspectAsync(domain, either.Token).AsTask().WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            logger.LogInformation("The inspection of {Domain} took too long; the report goes out without a note", domain);
            return DomainCondition.Unremarkable;
        }
    }
}
