using Mailkey.Authentication.Signatures;
using Mailkey.Mime;

namespace Mailkey.Authentication.Dkim;

/// <summary>
/// Makes a DKIM-Signature (RFC 6376, RFC 8463). For receivers of both ages sign twice, with a key of each type and a selector of
/// its own (RFC 8463 §3): neither signature covers the other.
/// </summary>
public sealed record DkimSigner : MessageSigner
{
    /// <summary>s=: the key is published at <see cref="DkimKeyRecord.NameOf"/>.</summary>
    public required string Selector { get; init; }

    /// <summary>How long the signature is good, as x= says: longer than any queue, and short for who captures a message.</summary>
    public TimeSpan Lifetime
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromSeconds(1));
            field = value;
        }
    } = MailkeyRules.DefaultLifetime;

    /// <summary>Signs a message, over-signing the fields of which there must not be another.</summary>
    /// <param name="block">Its header block; without a <see cref="HeaderIntegrity.Problem"/>.</param>
    /// <param name="bodyHash">SHA-256 of the whole body in <see cref="MessageSigner.BodyCanonicalization"/>.</param>
    /// <returns>The whole field with its CRLF, to be put on top of the block.</returns>
    public byte[] Sign(HeaderBlock block, ReadOnlySpan<byte> bodyHash, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(block);
        return Complete(Begin("DKIM-Signature", Selector, now, Lifetime), block, DkimRules.NamesToSign(block), bodyHash);
    }
}
