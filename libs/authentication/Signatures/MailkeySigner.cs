using System.Text;
using Mailkey.Authentication.Keys;
using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>Makes the Mailkey-Signature of one SMTP transaction, for the domain of its reverse-path, or of EHLO when that is null.</summary>
public sealed record MailkeySigner : MessageSigner
{
    /// <summary>Name under which the key is published.</summary>
    public required string KeyName { get; init; }

    /// <summary>How long the signature is good; at most <see cref="MailkeyRules.MaxLifetime"/>.</summary>
    public TimeSpan Lifetime
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MailkeyRules.MaxLifetime);
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
            field = value;
        }
    } = MailkeyRules.DefaultLifetime;

    /// <summary>Signs a message for its envelope.</summary>
    /// <param name="block">Its header block; without a <see cref="HeaderBlock.Problem"/>.</param>
    /// <param name="bodyHash">SHA-256 of the body in <see cref="MessageSigner.BodyCanonicalization"/>.</param>
    /// <param name="reversePath">MAIL FROM without brackets.</param>
    /// <param name="forwardPaths">Every RCPT TO, without brackets.</param>
    /// <returns>The whole field with its CRLF, to be put on top of the block.</returns>
    public byte[] Sign(HeaderBlock block, ReadOnlySpan<byte> bodyHash, string reversePath, IReadOnlyList<string> forwardPaths, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(forwardPaths);
        var text = Begin("Mailkey-Signature", KeyName, now, Lifetime);
        text.Append("\tmf=");
        SignatureField.Fold(text, Convert.ToBase64String(Encoding.UTF8.GetBytes(EnvelopeBinding.Normalize(reversePath))), 3);
        text.Append(";\r\n\trt=");
        var hash = new byte[EnvelopeBinding.HashLength];
        for (var i = 0; i < forwardPaths.Count; i++)
        {
            EnvelopeBinding.Hash(forwardPaths[i], hash);
            text.Append(i == 0 ? "" : ",\r\n\t").Append(Convert.ToBase64String(hash));
        }

        text.Append(";\r\n");
        return Complete(text, block, MailkeyRules.NamesToSign(block), bodyHash);
    }
}
