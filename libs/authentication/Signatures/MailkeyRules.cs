using System.Text;
using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>What a Mailkey-Signature must fulfil beyond its arithmetic.</summary>
public static class MailkeyRules
{
    /// <summary>How far the clock of a signer may be ahead.</summary>
    public static readonly TimeSpan MaxClockSkew = TimeSpan.FromMinutes(5);

    /// <summary>Longest life of a signature: long enough for every queue, and short for who captures a message.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromDays(14);

    /// <summary>Life of a signature that names no end.</summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromDays(7);

    /// <summary>What is said of a signature that a forwarder passes on.</summary>
    internal const string OtherRecipients = "made for other recipients";

    private const int LongestName = 77;

    // Each must be signed once more often than it occurs, so that none can be added: a reader shows the first it finds.
    private static readonly byte[][] OverSigned =
    [
        .. new[] { "From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type", "Content-Transfer-Encoding" }
            .Select(Encoding.ASCII.GetBytes),
    ];

    /// <summary>Names to sign for a header block, in order, each once more often than it occurs.</summary>
    internal static IEnumerable<string> NamesToSign(HeaderBlock block)
    {
        List<string> names = [.. OverSigned.Select(Encoding.ASCII.GetString), "Sender"];
        foreach (var field in block.Fields)
        {
            var name = Encoding.ASCII.GetString(field.Name);
            if (IsList(field) && !names.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                names.Add(name);
            }
        }

        return names.SelectMany(name => Enumerable.Repeat(name, block.Count(Encoding.ASCII.GetBytes(name)) + 1));
    }

    internal static string? CheckTimes(in SignatureTags tags, DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds();
        var expiry = tags.Expiry < 0 ? tags.Time + (long)DefaultLifetime.TotalSeconds : tags.Expiry;
        return tags.Time > seconds + (long)MaxClockSkew.TotalSeconds ? "signed in the future; check the clock of the signer"
            : expiry - tags.Time > (long)MaxLifetime.TotalSeconds ? "x= is more than 14 days after t="
            : seconds > expiry ? "the signature has expired"
            : null;
    }

    internal static string? CheckSignedNames(HeaderBlock block, in SignedNames names)
    {
        foreach (var name in OverSigned)
        {
            if (names.CountOf(name) <= block.Count(name))
            {
                return $"{Encoding.ASCII.GetString(name)} is not over-signed in h=";
            }
        }

        foreach (var field in block.Fields)
        {
            // Ends at the first that is not signed often enough, so that h= bounds how many are counted.
            if (IsList(field) && names.CountOf(field.Name) <= block.Count(field.Name))
            {
                var name = field.Name;
                return $"{SignatureTags.Printable(name.Length > LongestName ? name[..LongestName] : name)} is not over-signed in h=";
            }
        }

        return null;
    }

    /// <param name="readable">False when the tags themselves are wrong.</param>
    internal static string? CheckEnvelope(in SignatureTags tags, string reversePath, IReadOnlyList<string> forwardPaths, out bool readable)
    {
        readable = true;
        switch (EnvelopeBinding.ReversePathMatches(tags.ReversePath, reversePath))
        {
            case null:
                readable = false;
                return "mf= is not base64";
            case false:
                return "made for another reverse-path";
        }

        if (!EnvelopeBinding.TryFindMissing(tags.Recipients, forwardPaths, out var missing))
        {
            readable = false;
            return "rt= is not a list of SHA-256 in base64";
        }

        return missing < 0 ? null : OtherRecipients;
    }

    private static bool IsList(in HeaderField field) => field.Name.Length > 5 && Ascii.EqualsIgnoreCase(field.Name[..5], "List-"u8);
}
