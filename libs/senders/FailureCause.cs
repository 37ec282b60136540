using Mailkey.Contracts;

namespace Mailkey.Senders;

/// <summary>
/// Why mail of a domain was not taken, in words for everybody: a fixed set of sentences. The page of a domain is public, and anybody
/// can send mail in the name of anybody: nothing that stands in a message, and no rule that an operator wrote, goes into them.
/// </summary>
public static class FailureCause
{
    public const string NoMailkey = "The domain publishes no mailkey, and this receiver takes its mail only with one";
    public const string HostUnknown = "It could not be found out whether the domain has a mailkey";
    public const string ReceiverRule = "A rule of this receiver that has nothing to do with mailkey";
    public const string NoSignature = "The message was not signed with the mailkey of the domain";
    public const string UnknownKey = "The signature names a key that is not in the key set";
    public const string RevokedKey = "The signature was made with a revoked key";
    public const string WrongKey = "The key did not make this signature, or a signed field was changed";
    public const string UnusableKey = "The key of the signature can't be used, or is of another type than the signature says";
    public const string ChangedBody = "The body was changed after signing";
    public const string OtherEnvelope = "The signature was made for another envelope: each transaction needs its own";
    public const string Expired = "The signature has expired, or its times are not possible";
    public const string Uncovered = "The signature leaves open what it has to cover";
    public const string Unreadable = "The signature can't be read";

    /// <summary>The cause of a message that was not accepted.</summary>
    /// <param name="verdict">Its evidence, with the rule that decided.</param>
    public static string Of(Verdict verdict)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        return verdict.Rule switch
        {
            "published-key" => OfSignature(verdict.Reason),
            "key-host-unknown" => HostUnknown,
            "require-all" or "require-listed" => NoMailkey,
            _ => ReceiverRule,
        };
    }

    // The reason may quote the message: only its fixed part is looked at, and nothing of it is taken over.
    private static string OfSignature(string reason) => reason switch
    {
        _ when reason.StartsWith("no signature", StringComparison.Ordinal) => NoSignature,
        _ when reason.StartsWith("key ", StringComparison.Ordinal) => OfKey(reason),
        _ when reason.StartsWith("the body was changed", StringComparison.Ordinal) => ChangedBody,
        _ when reason.StartsWith("made for ", StringComparison.Ordinal) => OtherEnvelope,
        _ when reason.StartsWith("the signature has expired", StringComparison.Ordinal) || reason.StartsWith("signed in the future", StringComparison.Ordinal) || reason.StartsWith("x= is more", StringComparison.Ordinal) => Expired,
        _ when reason.EndsWith("is not over-signed in h=", StringComparison.Ordinal) || reason.StartsWith("From is not signed", StringComparison.Ordinal) || reason.StartsWith("l= leaves", StringComparison.Ordinal) => Uncovered,
        _ => Unreadable,
    };

    private static string OfKey(string reason) =>
        reason.EndsWith(" is not in the key set", StringComparison.Ordinal) ? UnknownKey
        : reason.EndsWith(" is revoked", StringComparison.Ordinal) ? RevokedKey
        : reason.Contains(" did not make this signature", StringComparison.Ordinal) ? WrongKey
        : UnusableKey;
}
