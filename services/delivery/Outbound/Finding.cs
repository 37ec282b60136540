using System.Globalization;
using Mailkey.Smtp;

namespace Mailkey.Delivery.Outbound;

/// <summary>Why something did not work, before it is known for which recipients.</summary>
/// <param name="IsPermanent">Whether another attempt is of no use.</param>
/// <param name="Status">Enhanced status code (RFC 3463).</param>
/// <param name="Text">One line: the reply, or what we found out.</param>
/// <param name="IsSmtpReply">Whether <paramref name="Text"/> is a reply of the remote host.</param>
internal sealed record Finding(bool IsPermanent, string Status, string Text, bool IsSmtpReply = false)
{
    // What reaches the journal and reports; a reply may have 256 lines.
    private const int MaxText = 2000;

    public static Finding Temporary(string status, string text) => new(false, status, text);

    public static Finding Permanent(string status, string text) => new(true, status, text);

    /// <summary>A reply that is not positive, or not the one that the command asks for.</summary>
    public static Finding Of(SmtpReply reply)
    {
        // RFC 5321 §4.2.1: what is neither 4yz nor 5yz here is no answer to the command, so nothing is decided.
        var isPermanent = reply.IsPermanent;
        var status = reply.EnhancedCode is { } code && (reply.IsTransient || isPermanent)
            ? code.ToString()
            : string.Create(CultureInfo.InvariantCulture, $"{(isPermanent ? 5 : 4)}.0.0");
        return new(isPermanent, status, TextOf(reply), IsSmtpReply: true);
    }

    public static string TextOf(SmtpReply reply)
    {
        var text = reply.ToString();
        return text.Length <= MaxText ? text : string.Concat(text.AsSpan(0, MaxText), "…");
    }
}
