namespace Mailkey.Mime.Reports;

/// <summary>What happened to a recipient (RFC 3464 §2.3.3).</summary>
public enum DeliveryAction
{
    Failed,
    Delayed,
    Delivered,

    /// <summary>Handed to a host that does not report on its own (RFC 3461 §5.2.2).</summary>
    Relayed,
}

/// <summary>
/// Everything one delivery status notification says. Texts may come from strangers: the writer makes them harmless,
/// the caller need not.
/// </summary>
public sealed record DeliveryStatusNotification
{
    /// <summary>Address for the From field, without brackets: a person's who runs the reporting host (RFC 3464 §2).</summary>
    public required string From { get; init; }

    /// <summary>The reverse-path of the message that is reported on, without brackets, never empty.</summary>
    public required string To { get; init; }

    public required string Subject { get; init; }
    public required DateTimeOffset Date { get; init; }

    /// <summary>Message-ID of the notification, with its brackets.</summary>
    public required string MessageId { get; init; }

    /// <summary>Message-ID field of the reported message as found; left out when it is not a msg-id of RFC 5322 §3.6.4.</summary>
    public string? OriginalMessageId { get; init; }

    /// <summary>
    /// The part for people, line by line. A line that begins with two spaces is kept whole as far as a line may be long
    /// (so that a DNS record can be copied out of it); others are wrapped.
    /// </summary>
    public required IReadOnlyList<string> Text { get; init; }

    /// <summary>Name of the host that reports.</summary>
    public required string ReportingMta { get; init; }

    /// <summary>When the message arrived at the reporting host.</summary>
    public DateTimeOffset? Arrival { get; init; }

    /// <summary>ENVID= of MAIL, still xtext (RFC 3461 §4.4).</summary>
    public string? EnvelopeId { get; init; }

    /// <summary>At least one.</summary>
    public required IReadOnlyList<RecipientStatus> Recipients { get; init; }

    /// <summary>Header block of the reported message, CRLF line ends; what follows an empty line is never returned.</summary>
    public required ReadOnlyMemory<byte> HeaderBlock { get; init; }

    /// <summary>Whether the reported message came with SMTPUTF8, so that the reader understands RFC 6533.</summary>
    public bool SmtpUtf8 { get; init; }
}

/// <summary>The fields of one recipient (RFC 3464 §2.3).</summary>
public sealed record RecipientStatus
{
    /// <summary>The forward-path, without brackets.</summary>
    public required string FinalRecipient { get; init; }

    /// <summary>ORCPT= of RCPT, still <c>addr-type;xtext</c> (RFC 3461 §4.2).</summary>
    public string? OriginalRecipient { get; init; }

    public required DeliveryAction Action { get; init; }

    /// <summary>Enhanced status code such as <c>5.1.1</c>.</summary>
    public required string Status { get; init; }

    public string? RemoteMta { get; init; }

    /// <summary>An SMTP reply, all lines; only replies are a Diagnostic-Code, our own findings belong into the text.</summary>
    public string? SmtpDiagnostic { get; init; }

    public DateTimeOffset? LastAttempt { get; init; }

    /// <summary>Only for <see cref="DeliveryAction.Delayed"/> (RFC 3464 §2.3.9).</summary>
    public DateTimeOffset? WillRetryUntil { get; init; }
}
