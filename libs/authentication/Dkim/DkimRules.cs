using System.Text;
using Mailkey.Authentication.Signatures;
using Mailkey.Mime;

namespace Mailkey.Authentication.Dkim;

/// <summary>
/// When a DKIM-Signature (RFC 6376) earns credit for the envelope domain: it is made with a key of the mailkey host, for the
/// domain or one above it, and it covers the whole message.
/// </summary>
public static class DkimRules
{
    // RFC 6376 §5.4.1; RFC 9477 asks for its two fields to be signed.
    private static readonly string[] AlsoSigned = ["In-Reply-To", "References", "CFBL-Address", "CFBL-Feedback-ID"];

    /// <summary>Whether a d= covers an envelope domain: it is the domain or a parent of it. Both as lower-case A-labels.</summary>
    public static bool Covers(string d, string envelopeDomain)
    {
        ArgumentNullException.ThrowIfNull(d);
        ArgumentNullException.ThrowIfNull(envelopeDomain);
        return d.Length > 0 && envelopeDomain.EndsWith(d, StringComparison.Ordinal) &&
            (envelopeDomain.Length == d.Length || (d[0] != '.' && envelopeDomain[^(d.Length + 1)] == '.'));
    }

    /// <summary>Names to sign for a header block: those of a Mailkey-Signature, and what threads and feedback loops go by.</summary>
    internal static IEnumerable<string> NamesToSign(HeaderBlock block)
    {
        foreach (var name in MailkeyRules.NamesToSign(block))
        {
            yield return name;
        }

        foreach (var name in AlsoSigned)
        {
            // Once more than there are, as everything else (RFC 6376 §5.4.2).
            for (var i = block.Count(Encoding.ASCII.GetBytes(name)); i >= 0; i--)
            {
                yield return name;
            }
        }
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
