using System.Globalization;
using Mailkey.Contracts;

namespace Mailkey.Bounces.Reporting;

/// <summary>The words of a notification for people.</summary>
public static class ReportText
{
    /// <summary>Lines of a remote reply that are shown.</summary>
    private const int MaxReplyLines = 10;

    /// <summary>Characters of such a line: RFC 5321 §4.5.3.1.5 allows a reply line 512 octets.</summary>
    private const int MaxReplyLine = 512;

    public static string Subject(ReportKind kind) => kind switch
    {
        ReportKind.Failed => "Undelivered mail: your message did not arrive",
        ReportKind.Delayed => "Delayed mail: your message is still waiting",
        _ => "Delivered mail: your message has arrived",
    };

    public static IReadOnlyList<string> Lines(ReportOrder order, string hostname)
    {
        List<string> lines =
        [
            $"This is the mail system of {hostname}.",
            "",
            order.Kind switch
            {
                ReportKind.Failed => "Your message could not be delivered to the recipients below. No more attempts are made.",
                ReportKind.Delayed => $"Your message has not yet been delivered to the recipients below. You need not send it again: attempts go on until {Date(order.WillRetryUntil)}.",
                ReportKind.Relayed => "Your message was handed on for the recipients below, to a host that will not tell you what becomes of it.",
                _ => "Your message was delivered to the recipients below.",
            },
        ];
        foreach (var recipient in order.Recipients)
        {
            lines.Add("");
            lines.Add($"  {recipient.Recipient.ForwardPath}");
            if (order.Kind is ReportKind.Failed or ReportKind.Delayed)
            {
                lines.AddRange(Reason(recipient));
            }
        }

        lines.Add("");
        lines.Add("The header of your message is attached, so that you can tell which one it was.");
        return lines;
    }

    private static IEnumerable<string> Reason(RecipientReport recipient)
    {
        yield return recipient.DiagnosticIsSmtp && recipient.RemoteMta is { } host ? $"    {host} said:" : "    The reason:";
        foreach (var line in recipient.Diagnostic.Split(["\r\n", "\n", "\r"], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Take(MaxReplyLines))
        {
            yield return $"    {(line.Length <= MaxReplyLine ? line : line[..MaxReplyLine])}";
        }
    }

    private static string Date(DateTimeOffset? date) =>
        date?.ToUniversalTime().ToString("d MMMM yyyy HH:mm 'UTC'", CultureInfo.InvariantCulture) ?? "it expires";
}
