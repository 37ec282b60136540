using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>A set of canonicalisations.</summary>
[Flags]
public enum Canonicalizations
{
    None = 0,
    Simple = 1,
    Relaxed = 2,
}

/// <summary>The signature fields of a header block.</summary>
public static class SignatureFields
{
    /// <summary>Signatures that are tried, whatever a message brings along: each costs the work of a public key.</summary>
    public const int MaxTried = 5;

    internal static ReadOnlySpan<byte> Mailkey => "Mailkey-Signature"u8;

    internal static ReadOnlySpan<byte> Dkim => "DKIM-Signature"u8;

    /// <summary>
    /// The canonicalisations in which the signatures that will be tried want the body hashed, so that the body is hashed while it
    /// comes in and in no other way. A signature that can't get credit, by rsa-sha1 or l=, asks for none.
    /// </summary>
    public static Canonicalizations CanonicalizationsAskedFor(HeaderBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        var asked = Canonicalizations.None;

        // What Select takes is among these: each kind is looked at on its own as well.
        Span<int> indices = stackalloc int[2 * MaxTried];
        var count = 0;
        Take(block, Mailkey, indices[..MaxTried], ref count);
        count += SelectDkim(block, indices[count..], out _);
        foreach (var index in indices[..count])
        {
            if (SignatureTags.TryReadBodyCanonicalization(block.Fields[index].Value, out var canonicalization))
            {
                asked |= canonicalization == Canonicalization.Simple ? Canonicalizations.Simple : Canonicalizations.Relaxed;
            }
        }

        return asked;
    }

    /// <summary>Indices of the fields to try: from the top down, Mailkey-Signature before DKIM-Signature.</summary>
    internal static int Select(HeaderBlock block, Span<int> indices, out int mailkey)
    {
        var count = 0;
        Take(block, Mailkey, indices, ref count);
        mailkey = count;
        Take(block, Dkim, indices, ref count);
        return count;
    }

    /// <summary>Indices of the DKIM-Signature fields to try, from the top down.</summary>
    /// <param name="ignored">How many there are beyond.</param>
    internal static int SelectDkim(HeaderBlock block, Span<int> indices, out int ignored)
    {
        var count = 0;
        Take(block, Dkim, indices[..MaxTried], ref count);
        ignored = count < MaxTried ? 0 : block.Count(Dkim) - MaxTried;
        return count;
    }

    private static void Take(HeaderBlock block, ReadOnlySpan<byte> name, Span<int> indices, ref int count)
    {
        for (var index = block.FindFirst(name); index >= 0 && count < indices.Length; index = block.FindFirst(name, index + 1))
        {
            indices[count++] = index;
        }
    }
}
