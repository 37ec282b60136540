using System.Globalization;
using Mailkey.Contracts;

namespace Mailkey.Policy;

/// <summary>
/// Every refusal that a verdict can bring, in one place. Each says in one line what failed; senders search for these texts, so
/// they stay as they are. The name of the rule ends each; the SMTP session puts the link to the help page and the queue id behind it.
/// </summary>
public static class Refusals
{
    /// <summary>A reply line holds 512 octets (RFC 5321 §4.5.3.1.5), of which code, enhanced code and link take their part.</summary>
    public const int MaxReasonLength = 200;

    /// <summary>RFC 7372 §3.1.</summary>
    public const string NoPassingSignature = "5.7.20";

    /// <summary>A published key, and no signature that fits.</summary>
    public static ReplyText NotSigned(string domain, string reason) => new()
    {
        Code = 550,
        EnhancedCode = NoPassingSignature,
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

    /// <summary>A rule refuses for good.</summary>
    /// <param name="status">5.7.x (RFC 3463 §3.8).</param>
    public static ReplyText Rejected(string? text, string status) => new()
    {
        Code = 550,
        EnhancedCode = status,
        Text = text is null ? "This message is refused by a rule of this receiver" : Short(text),
    };

    /// <summary>A rule refuses for now.</summary>
    public static ReplyText Deferred(string? text) => new()
    {
        Code = 451,
        EnhancedCode = "4.7.1",
        Text = text is null ? "This message is not taken now, by a rule of this receiver. Try again later" : Short(text),
    };

    /// <summary>The first message of this network, sender and recipient.</summary>
    public static ReplyText Greylisted(TimeSpan wait) => new()
    {
        Code = 451,
        EnhancedCode = "4.7.1",
        Text = $"First mail from your network with this sender and recipient: try again in {Seconds(wait)}",
    };

    /// <summary>More than a rule allows.</summary>
    /// <param name="of">What is counted, such as <c>your network</c>.</param>
    /// <param name="forGood">Whether it is 550 instead of 451.</param>
    public static ReplyText TooMany(string of, long count, TimeSpan per, TimeSpan wait, bool forGood) => new()
    {
        Code = forGood ? 550 : 451,
        EnhancedCode = forGood ? "5.7.1" : "4.7.1",
        Text = string.Create(CultureInfo.InvariantCulture, $"Too many messages {of}: at most {count} in {Seconds(per)} are taken; try again in {Seconds(wait)}"),
    };

    /// <summary>The agreement that is named is none, or not this one's: the same words as at MAIL.</summary>
    public static ReplyText AgreementNotInForce() => Agreement("No agreement that you may use is in force under this name");

    /// <summary>Two ways of naming an agreement name two.</summary>
    public static ReplyText AgreementsContradict() => Agreement("Two different agreements are named");

    /// <summary>Somebody names the agreement of a forwarder.</summary>
    public static ReplyText NotOfForwarder(string forwarder) =>
        Agreement($"The agreement is that of {forwarder}, and neither mailkey, DKIM nor SPF says that this message comes from there");

    /// <summary>
    /// A message came too often for one recipient, or so late that nobody remembers: 5.7.21, "no acceptable signature", for one that is good and
    /// proves nothing any more (RFC 7372 §3.1).
    /// </summary>
    public static ReplyText Replayed(string forwarder) => new()
    {
        Code = 550,
        EnhancedCode = "5.7.21",
        Text = $"This DKIM signature of {forwarder} came for this recipient before, or was made long ago, and the agreement is not for copies: sign anew what is to be sent again",
    };

    /// <summary>An address that was made for somebody else: the words for a mailbox that does not exist.</summary>
    public static ReplyText UnknownRecipient() => new() { Code = 550, EnhancedCode = "5.1.1", Text = "No such mailbox" };

    /// <summary>The ledger can't be asked.</summary>
    public static ReplyText AgreementUnknown() => new() { Code = 451, EnhancedCode = "4.3.0", Text = "The agreement can't be looked up now. Try again later" };

    /// <summary>The DNS of a forwarder can't be asked.</summary>
    public static ReplyText ForwarderUnknown(string forwarder) => new() { Code = 451, EnhancedCode = "4.7.5", Text = $"Whether this message comes from {forwarder} can't be told now. Try again later" };

    /// <summary>Larger than agreed on.</summary>
    public static ReplyText BeyondAgreement(long size) => new()
    {
        Code = 552,
        EnhancedCode = "5.3.4",
        Text = string.Create(CultureInfo.InvariantCulture, $"The agreement is for messages of at most {size} octets"),
    };

    /// <summary>More on a day than agreed on.</summary>
    public static ReplyText TooManyUnderAgreement(int rate) => new()
    {
        Code = 451,
        EnhancedCode = "4.7.1",
        Text = string.Create(CultureInfo.InvariantCulture, $"The agreement is for {rate} messages a day. Try again tomorrow"),
    };

    /// <summary>The forwarder's own SPF record says no: 5.7.23 (RFC 7372 §3.2).</summary>
    public static ReplyText ForwarderSpf(string forwarder) => new() { Code = 550, EnhancedCode = "5.7.23", Text = $"The SPF record of {forwarder} does not allow this client" };

    /// <summary>The reply with the rule that made it, in a form that people and programs find.</summary>
    public static ReplyText Naming(string rule, ReplyText reply)
    {
        var suffix = $" (rule {rule})";
        return reply.Text.EndsWith(suffix, StringComparison.Ordinal) ? reply : reply with { Text = reply.Text + suffix };
    }

    private static ReplyText Agreement(string text) => new() { Code = 550, EnhancedCode = "5.7.1", Text = text };

    private static string Seconds(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, (long)Math.Ceiling(time.TotalSeconds))} seconds");

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
