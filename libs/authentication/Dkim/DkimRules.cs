using Mailkey.Authentication.Signatures;

namespace Mailkey.Authentication.Dkim;

/// <summary>
/// When a DKIM-Signature (RFC 6376) earns credit for the envelope domain: it is made with a key of the mailkey host, for the
/// domain or one above it, and it covers the whole message.
/// </summary>
public static class DkimRules
{
    /// <summary>Whether a d= covers an envelope domain: it is the domain or a parent of it. Both as lower-case A-labels.</summary>
    public static bool Covers(string d, string envelopeDomain)
    {
        ArgumentNullException.ThrowIfNull(d);
        ArgumentNullException.ThrowIfNull(envelopeDomain);
        return d.Length > 0 && envelopeDomain.EndsWith(d, StringComparison.Ordinal) &&
            (envelopeDomain.Length == d.Length || (d[0] != '.' && envelopeDomain[^(d.Length + 1)] == '.'));
    }

    // RFC 6376 §8.2: what follows the signed part of a body could be anything.
    internal static string? CheckLength(in SignatureTags tags) => tags.HasLength ? "l= leaves a part of the body unsigned" : null;

    // RFC 6376 §3.5 lets a verifier allow for clocks that differ, in t= and x= alike.
    internal static string? CheckTimes(in SignatureTags tags, DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds();
        var skew = (long)MailkeyRules.MaxClockSkew.TotalSeconds;
        return tags.Time > seconds + skew ? "signed in the future; check the clock of the signer"
            : tags.Expiry >= 0 && seconds > tags.Expiry + skew ? "the signature has expired"
            : null;
    }
}
