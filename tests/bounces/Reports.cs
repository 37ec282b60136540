using System.Text;
using Mailkey.Contracts;

namespace Mailkey.Bounces.Tests;

/// <summary>Delivery reports as delivery makes them.</summary>
internal static class Reports
{
    public static readonly DateTimeOffset Received = new(2026, 3, 4, 11, 55, 0, TimeSpan.Zero);

    public static DeliveryFailed Failed(string sender, Verdict? verdict, params RecipientReport[] recipients) => new()
    {
        ReportId = Guid.NewGuid(),
        QueueId = Guid.NewGuid().ToString("N")[..16].ToUpperInvariant(),
        ReceivedAt = Received,
        Envelope = new() { ReversePath = sender, Recipients = [.. recipients.Select(r => r.Recipient)] },
        Recipients = recipients.Length == 0 ? [Recipient("bob@example.net")] : recipients,
        HeaderBlock = Header($"From: {sender}", "To: bob@example.net", "Subject: lunch", "Message-ID: <m1@example.com>"),
        Verdict = verdict,
    };

    public static DeliveryDelayed Delayed(string sender, Verdict? verdict, params RecipientReport[] recipients)
    {
        var failed = Failed(sender, verdict, recipients);
        return new()
        {
            ReportId = failed.ReportId,
            QueueId = failed.QueueId,
            ReceivedAt = failed.ReceivedAt,
            Envelope = failed.Envelope,
            Recipients = failed.Recipients,
            HeaderBlock = failed.HeaderBlock,
            Verdict = verdict,
            WillRetryUntil = Received.AddDays(5),
        };
    }

    public static DeliverySucceeded Succeeded(string sender, Verdict? verdict, bool relayed, params RecipientReport[] recipients)
    {
        var failed = Failed(sender, verdict, recipients);
        return new()
        {
            ReportId = failed.ReportId,
            QueueId = failed.QueueId,
            ReceivedAt = failed.ReceivedAt,
            Envelope = failed.Envelope,
            Recipients = failed.Recipients,
            HeaderBlock = failed.HeaderBlock,
            Verdict = verdict,
            Relayed = relayed,
        };
    }

    public static RecipientReport Recipient(string address, string status = "5.1.1", string? notify = null, string reply = "550 5.1.1 no such user") => new()
    {
        Recipient = new() { ForwardPath = address, Notify = notify },
        Status = status,
        RemoteMta = "store.example.net",
        Diagnostic = reply,
        DiagnosticIsSmtp = true,
        LastAttempt = Received.AddMinutes(5),
    };

    public static Verdict Verdict(string result) => new()
    {
        HostState = result == "none" ? "absent" : "exists",
        Result = result,
        Domain = "example.com",
        Reason = "test",
        Rule = "test",
        Verifier = "test",
        ElapsedMicroseconds = 1,
    };

    public static byte[] Header(params string[] fields) => Encoding.ASCII.GetBytes(string.Concat(fields.Select(field => field + "\r\n")));
}
