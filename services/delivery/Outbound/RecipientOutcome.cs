using Mailkey.Contracts;

namespace Mailkey.Delivery.Outbound;

/// <summary>How an attempt ended for one recipient.</summary>
public enum OutcomeKind
{
    /// <summary>The next hop has taken the message.</summary>
    Delivered,

    /// <summary>Not now: 4yz, or no answer.</summary>
    Deferred,

    /// <summary>Never: 5yz, or no such destination.</summary>
    Failed,
}

/// <summary>Who tells a sender that asked for NOTIFY=SUCCESS (RFC 3461 §5.2).</summary>
public enum SuccessReport
{
    /// <summary>The next hop, which does DSN and has got the parameters.</summary>
    NextHop,

    /// <summary>We do, as <c>relayed</c>: the next hop does not do DSN.</summary>
    Relayed,

    /// <summary>We do, as <c>delivered</c>: this was final delivery.</summary>
    Delivered,
}

/// <summary>What an attempt came to for one recipient, with the words of whoever decided.</summary>
public sealed record RecipientOutcome
{
    public required Recipient Recipient { get; init; }
    public required OutcomeKind Kind { get; init; }

    /// <summary>Enhanced status code (RFC 3463) of the class that <see cref="Kind"/> asks for.</summary>
    public required string Status { get; init; }

    /// <summary>The reply of the next hop, or what we found out ourselves; one line.</summary>
    public required string Reply { get; init; }

    /// <summary>Whether <see cref="Reply"/> is an SMTP reply of <see cref="RemoteMta"/>.</summary>
    public bool IsSmtpReply { get; init; }

    /// <summary>Name of the host that answered; null when none did.</summary>
    public string? RemoteMta { get; init; }

    /// <summary><c>maildir</c>, <c>lmtp://host:port</c> or <c>smtp://host:port</c>; the domain when it was not found.</summary>
    public required string NextHop { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Who reports a success; without meaning for the other kinds.</summary>
    public SuccessReport SuccessReport { get; init; }

    /// <summary>As the recipient's part of a delivery report.</summary>
    public RecipientReport ToReport(string? status = null) => new()
    {
        Recipient = Recipient,
        Status = status ?? Status,
        RemoteMta = RemoteMta,
        Diagnostic = Reply,
        DiagnosticIsSmtp = IsSmtpReply,
        LastAttempt = At,
    };
}
