using System.Diagnostics.Metrics;
using Mailkey.Contracts;
using Mailkey.Contracts.Journal;
using Mailkey.Delivery.Outbound;
using Mailkey.Messaging.Journal;
using Mailkey.Messaging.Sagas;
using MassTransit;

namespace Mailkey.Delivery.Reports;

/// <summary>What a report says of its message.</summary>
internal sealed record ReportedMessage(string QueueId, DateTimeOffset ReceivedAt, Envelope Envelope, Verdict? Verdict);

/// <summary>Tells the journal, and the service that writes to senders, how attempts ended.</summary>
internal sealed class OutcomeReports(IJournal journal)
{
    private static readonly Meter Meter = new("Mailkey.Delivery");
    private static readonly Counter<long> Recipients = Meter.CreateCounter<long>("mailkey.delivery.recipients", "{recipient}", "Outcomes of attempts, by recipient");

    /// <summary>Journals the acceptance, in case that who accepted the message could not any more.</summary>
    public void Accepted(MessageAccepted accepted) => journal.AppendAcceptance(accepted);

    /// <summary>Journals final outcomes and publishes the reports they call for; returns when the broker has confirmed these.</summary>
    /// <param name="header">Gives the header block; asked only when there is a report.</param>
    public async Task ReportAsync(
        IPublishEndpoint bus, ReportedMessage message, int attempt, IReadOnlyList<RecipientOutcome> outcomes, Func<ValueTask<byte[]>> header, CancellationToken cancellationToken)
    {
        List<RecipientReport>? failed = null;
        List<RecipientReport>? relayed = null;
        List<RecipientReport>? delivered = null;
        foreach (var outcome in outcomes)
        {
            switch (outcome.Kind)
            {
                case OutcomeKind.Delivered:
                    Recipients.Add(1, new KeyValuePair<string, object?>("outcome", "delivered"));
                    journal.Append(message.QueueId, new RecipientDelivered
                    {
                        ForwardPath = outcome.Recipient.ForwardPath,
                        NextHop = outcome.NextHop,
                        Reply = outcome.Reply,
                        Attempt = attempt,
                    });

                    // RFC 3461 §5.2.2, §5.2.3
                    if (outcome.SuccessReport != SuccessReport.NextHop && outcome.Recipient.Notify?.Contains("SUCCESS", StringComparison.OrdinalIgnoreCase) == true)
                    {
                        (outcome.SuccessReport == SuccessReport.Relayed ? relayed ??= [] : delivered ??= []).Add(outcome.ToReport());
                    }

                    break;
                case OutcomeKind.Failed:
                    Recipients.Add(1, new KeyValuePair<string, object?>("outcome", "failed"));
                    journal.Append(message.QueueId, new RecipientFailed
                    {
                        ForwardPath = outcome.Recipient.ForwardPath,
                        NextHop = outcome.NextHop,
                        Status = outcome.Status,
                        Reply = outcome.Reply,
                        Attempt = attempt,
                    });
                    (failed ??= []).Add(outcome.ToReport());
                    break;
                default:
                    break;
            }
        }

        // RFC 3464 §2: nobody is told about a message without a reverse-path; the journal has it.
        if ((failed ?? relayed ?? delivered) is null || message.Envelope.ReversePath.Length == 0)
        {
            return;
        }

        var block = await header();
        if (failed is not null)
        {
            await bus.Publish(
                new DeliveryFailed
                {
                    ReportId = IdOf("delivery-failed", message, failed),
                    QueueId = message.QueueId,
                    ReceivedAt = message.ReceivedAt,
                    Envelope = message.Envelope,
                    Recipients = failed,
                    HeaderBlock = block,
                    Verdict = message.Verdict,
                },
                cancellationToken);
        }

        foreach (var (recipients, isRelayed) in new[] { (relayed, true), (delivered, false) })
        {
            if (recipients is not null)
            {
                await bus.Publish(
                    new DeliverySucceeded
                    {
                        ReportId = IdOf(isRelayed ? "delivery-relayed" : "delivery-succeeded", message, recipients),
                        QueueId = message.QueueId,
                        ReceivedAt = message.ReceivedAt,
                        Envelope = message.Envelope,
                        Recipients = recipients,
                        HeaderBlock = block,
                        Verdict = message.Verdict,
                        Relayed = isRelayed,
                    },
                    cancellationToken);
            }
        }
    }

    /// <summary>Publishes that recipients wait; returns when the broker has confirmed it.</summary>
    public static async Task ReportDelayAsync(
        IPublishEndpoint bus, ReportedMessage message, IReadOnlyList<RecipientOutcome> waiting, DateTimeOffset until, Func<ValueTask<byte[]>> header, CancellationToken cancellationToken)
    {
        if (message.Envelope.ReversePath.Length == 0)
        {
            return;
        }

        await bus.Publish(
            new DeliveryDelayed
            {
                ReportId = NameBasedId.Create("delivery-delayed", message.QueueId),
                QueueId = message.QueueId,
                ReceivedAt = message.ReceivedAt,
                Envelope = message.Envelope,
                Recipients = [.. waiting.Select(outcome => outcome.ToReport())],
                HeaderBlock = await header(),
                Verdict = message.Verdict,
                WillRetryUntil = until,
            },
            cancellationToken);
    }

    /// <summary>Journals that a recipient waits for another attempt.</summary>
    public void NoteDeferral(string queueId, int attempt, DateTimeOffset next, RecipientOutcome outcome)
    {
        Recipients.Add(1, new KeyValuePair<string, object?>("outcome", "deferred"));
        journal.Append(queueId, new RecipientDeferred
        {
            ForwardPath = outcome.Recipient.ForwardPath,
            NextHop = outcome.NextHop,
            Reply = outcome.Reply,
            Attempt = attempt,
            NextAttempt = next,
        });
    }

    /// <summary>Returns when the journal's queue has all that was noted.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => journal.FlushAsync(cancellationToken);

    // A bus message that is worked on twice makes the same report, which its reader then knows.
    private static Guid IdOf(string kind, ReportedMessage message, List<RecipientReport> recipients) =>
        NameBasedId.Create(kind, [message.QueueId, .. recipients.Select(report => report.Recipient.ForwardPath)]);
}
