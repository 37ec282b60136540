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

    internal static string? Check(in SignatureTags tags, DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds();

        // RFC 6376 §8.2: what follows the signed part of a body could be anything.
        return tags.HasLength ? "l= leaves a part of the body unsigned"
            : tags.Time > seconds + (long)MailkeyRules.MaxClockSkew.TotalSeconds ? "signed in the future; check the clock of the signer"
            : tags.Expiry >= 0 && seconds > tags.Expiry ? "the signature has expired"
            : null;
    }
}
