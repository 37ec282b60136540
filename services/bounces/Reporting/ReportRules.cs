using Mailkey.Contracts;
using Mailkey.Hosting.Options;
using Mailkey.Messaging.Sagas;
using Mailkey.Mime;

namespace Mailkey.Bounces.Reporting;

/// <summary>Why somebody is not told; the words of <see cref="Mailkey.Contracts.Journal.DeliveryReportSuppressed"/>.</summary>
public static class SuppressionReason
{
    public const string NullReversePath = "null-reverse-path";
    public const string AutomaticMail = "automatic-mail";
    public const string ListMail = "list-mail";
    public const string NotifyNever = "notify-never";
    public const string NotRequested = "not-requested";
    public const string Forged = "forged";
    public const string SwitchedOff = "switched-off";
    public const string Limit = "limit";
}

/// <summary>A recipient that nobody is told of, and why.</summary>
public sealed record Suppression(RecipientReport Recipient, string Reason);

/// <summary>What is done about one delivery report.</summary>
/// <param name="Suppressed">Not told.</param>
/// <param name="Send">Told at once.</param>
/// <param name="Advise">Told unless the sender's domain has heard of the same cause lately.</param>
public sealed record ReportDecision(
    IReadOnlyList<Suppression> Suppressed,
    ReportOrder? Send,
    IReadOnlyList<(FailureCause Cause, ReportOrder Order)> Advise);

/// <summary>Decides who is told what. Pure: the same report gives the same decision, with the same ids.</summary>
public static class ReportRules
{
    public static ReportDecision Decide(DeliveryReport report, BouncesOptions options)
    {
        if (Unanswerable(report) is { } reason)
        {
            return new([.. report.Recipients.Select(recipient => new Suppression(recipient, reason))], null, []);
        }

        List<Suppression> suppressed = [];
        List<RecipientReport> told = [];
        foreach (var recipient in report.Recipients)
        {
            if (Unwanted(report, recipient.Recipient.Notify) is { } why)
            {
                suppressed.Add(new(recipient, why));
            }
            else
            {
                told.Add(recipient);
            }
        }

        if (told.Count == 0)
        {
            return new(suppressed, null, []);
        }

        switch (SenderEvidence.Of(report.Verdict))
        {
            case SenderStanding.Authenticated:
                return new(suppressed, Order(report, report.ReportId, told), []);
            case SenderStanding.Forged:
                suppressed.AddRange(told.Select(recipient => new Suppression(recipient, SuppressionReason.Forged)));
                return new(suppressed, null, []);
        }

        if (!options.AdviseUnauthenticated)
        {
            suppressed.AddRange(told.Select(recipient => new Suppression(recipient, SuppressionReason.SwitchedOff)));
            return new(suppressed, null, []);
        }

        var advise =
            from recipient in told
            group recipient by Cause(report, recipient) into recipients
            select (recipients.Key, Order(report, NameBasedId.Create("advisory-order", report.ReportId.ToString("N"), recipients.Key.ToString()), [.. recipients]));
        return new(suppressed, null, [.. advise]);
    }

    /// <summary>Why nothing about this message may be answered at all; null when it may.</summary>
    private static string? Unanswerable(DeliveryReport report)
    {
        // RFC 5321 §4.5.5, RFC 3461 §6.1: a notification about a notification is how mail begins to circle.
        if (report.Envelope.ReversePath.Length == 0)
        {
            return SuppressionReason.NullReversePath;
        }

        var header = HeaderBlock.Parse(report.HeaderBlock);

        // RFC 3834 §2. A block that could not be read to its end may hide the field that says so.
        if (header.IsAutomatic || header.Problem is { Kind: HeaderProblemKind.FieldTooLarge or HeaderProblemKind.TooManyFields })
        {
            return SuppressionReason.AutomaticMail;
        }

        return header.IsList ? SuppressionReason.ListMail : null;
    }

    /// <summary>Why this recipient is not reported on, by NOTIFY= of its RCPT; null when it is (RFC 3461 §4.1).</summary>
    private static string? Unwanted(DeliveryReport report, string? notify)
    {
        // Absent: RFC 3461 §4.1 leaves it to us to tell of delays; success is never told unasked.
        var wanted = notify?.Split(',', StringSplitOptions.TrimEntries) ?? ["FAILURE", "DELAY"];
        if (wanted.Contains("NEVER", StringComparer.OrdinalIgnoreCase))
        {
            return SuppressionReason.NotifyNever;
        }

        var keyword = report switch
        {
            DeliveryFailed => "FAILURE",
            DeliveryDelayed => "DELAY",
            _ => "SUCCESS",
        };
        return wanted.Contains(keyword, StringComparer.OrdinalIgnoreCase) ? null : SuppressionReason.NotRequested;
    }

    private static FailureCause Cause(DeliveryReport report, RecipientReport recipient) => report switch
    {
        DeliveryFailed => FailureCauses.OfFailure(recipient.Status),
        DeliveryDelayed => FailureCause.Delayed,
        _ => FailureCause.Delivered,
    };

    private static ReportOrder Order(DeliveryReport report, Guid orderId, IReadOnlyList<RecipientReport> recipients) => new()
    {
        OrderId = orderId,
        Kind = KindOf(report),
        QueueId = report.QueueId,
        ReceivedAt = report.ReceivedAt,
        Envelope = report.Envelope,
        Recipients = recipients,
        HeaderBlock = report.HeaderBlock,
        WillRetryUntil = (report as DeliveryDelayed)?.WillRetryUntil,
    };

    public static ReportKind KindOf(DeliveryReport report) => report switch
    {
        DeliveryFailed => ReportKind.Failed,
        DeliveryDelayed => ReportKind.Delayed,
        DeliverySucceeded { Relayed: true } => ReportKind.Relayed,
        _ => ReportKind.Delivered,
    };
}
