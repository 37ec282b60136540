using System.Globalization;

namespace Mailkey.Bounces.Reporting;

/// <summary>
/// Why a sender is told something, in classes: one advisory for each is enough. A closed set, because every cause is one more
/// message that a forger can make us send to a domain.
/// </summary>
public enum FailureCause
{
    Other,
    UnknownUser,
    UnknownHost,
    SenderRefused,
    MailboxFull,
    MailboxDisabled,
    TooLarge,
    System,
    Network,
    Expired,
    ContentRefused,
    PolicyRefused,
    Delayed,
    Delivered,
}

/// <summary>Derives the cause.</summary>
public static class FailureCauses
{
    /// <summary>The class of a failure, from its enhanced status code (RFC 3463 §3, RFC 7504, RFC 7505).</summary>
    /// <param name="status">class.subject.detail; anything else is <see cref="FailureCause.Other"/>.</param>
    public static FailureCause OfFailure(string status)
    {
        var parts = status.Split('.');
        if (parts.Length != 3 || !Number(parts[1], out var subject) || !Number(parts[2], out var detail))
        {
            return FailureCause.Other;
        }

        return (subject, detail) switch
        {
            (1, 2) or (1, 10) or (4, 4) => FailureCause.UnknownHost,
            (1, 7) or (1, 8) => FailureCause.SenderRefused,
            (1, _) => FailureCause.UnknownUser,
            (2, 2) => FailureCause.MailboxFull,
            (2, 3) or (3, 4) => FailureCause.TooLarge,
            (2, _) => FailureCause.MailboxDisabled,
            (3, _) => FailureCause.System,
            (4, 7) => FailureCause.Expired,
            (4, _) => FailureCause.Network,
            (6, _) => FailureCause.ContentRefused,
            (7, _) => FailureCause.PolicyRefused,
            _ => FailureCause.Other,
        };
    }

    private static bool Number(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
