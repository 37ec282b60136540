using Mailkey.Contracts;

namespace Mailkey.Verifier.Policy;

/// <summary>
/// Every refusal that a verdict can bring, in one place. Each says in one line what failed; senders search for these texts, so
/// they stay as they are. The SMTP session puts the link to the help page and the queue id behind it.
/// </summary>
public static class Refusals
{
    /// <summary>A reply line holds 512 octets (RFC 5321 §4.5.3.1.5), of which code, enhanced code and link take their part.</summary>
    private const int MaxReasonLength = 200;

    /// <summary>A published key, and no signature that fits: 5.7.20, "no passing signature" (RFC 7372 §3.1).</summary>
    public static ReplyText NotSigned(string domain, string reason) => new()
    {
        Code = 550,
        EnhancedCode = "5.7.20",
        Text = $"{domain} publishes a mailkey, and this message is not signed with it: {Short(reason)}",
    };

    /// <summary>No key published where the receiver wants one.</summary>
    public static ReplyText MailkeyRequired(string domain) => new()
    {
        Code = 550,
        EnhancedCode = "5.7.1",
        Text = domain.Length == 0
            ? $"Mail without a sender domain needs a mailkey for the EHLO name here"
            : $"{domain} publishes no mailkey, and mail of it is not taken without one",
    };

    /// <summary>The key host can't be asked now: 4.7.5, "cryptographic failure", as RFC 6376 §6.3 recommends.</summary>
    public static ReplyText HostUnknown(string domain, string reason) => new()
    {
        Code = 451,
        EnhancedCode = "4.7.5",
        Text = $"The mailkey of {domain} can't be looked up now: {Short(reason)}. Try again later",
    };

    // The reason can quote what a stranger's DNS or header said.
    private static string Short(string reason)
    {
        var length = Math.Min(reason.Length, MaxReasonLength);
        return string.Create(length, reason, static (text, source) =>
        {
            for (var i = 0; i < text.Length; i++)
            {
                text[i] = source[i] is >= ' ' and <= '~' ? source[i] : '?';
            }
        }).TrimEnd('.', ' ');
    }
}
