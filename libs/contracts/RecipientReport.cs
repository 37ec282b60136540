namespace Mailkey.Contracts;

/// <summary>The per-recipient part of a delivery report (RFC 3464 §2.3).</summary>
public sealed record RecipientReport
{
    public required Recipient Recipient { get; init; }

    /// <summary>Enhanced status code (RFC 3463), such as <c>5.1.1</c>.</summary>
    public required string Status { get; init; }

    /// <summary>Host that gave the answer; null when the failure was ours (expiry, no route).</summary>
    public string? RemoteMta { get; init; }

    /// <summary>The remote reply, all lines, as received (untrusted); or what we found out ourselves.</summary>
    public required string Diagnostic { get; init; }

    /// <summary>Whether <see cref="Diagnostic"/> is an SMTP reply (Diagnostic-Code: smtp;…).</summary>
    public required bool DiagnosticIsSmtp { get; init; }

    public required DateTimeOffset LastAttempt { get; init; }
}
