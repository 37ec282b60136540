using Mailkey.Authentication.Crypto;
using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>How the verification of one signature ended; what comes later outweighs what comes earlier.</summary>
internal enum SignatureOutcome
{
    /// <summary>Not made for mailkey and this domain: as good as no signature.</summary>
    Foreign,
    PermError,

    /// <summary>Not what a receiver should give credit to, whatever its arithmetic says.</summary>
    Policy,

    /// <summary>Made with a test key, whether good or bad.</summary>
    Test,
    Fail,
    TempError,

    /// <summary>Good in everything but the recipients that it was made for.</summary>
    OtherRecipients,
    Pass,
}

/// <summary>What the verification of a Mailkey-Signature and of a DKIM-Signature have in common: the content that was signed.</summary>
internal static class SignedContent
{
    /// <summary>Octets of a buffer for b=: the longest signature, and what base64 may write beyond it.</summary>
    public const int MaxSignature = (VerifyKey.MaxRsaBits / 8) + 4;

    /// <summary>Compares bh= with the hash of the body.</summary>
    /// <returns>Pass: the body is the one that was signed.</returns>
    public static SignatureOutcome CheckBody(in SignatureTags tags, in BodyDigests digests, out string reason)
    {
        Span<byte> hash = stackalloc byte[BodyHasher.HashLength + 4];
        if (!Base64Value.TryDecode(tags.BodyHash, hash, out var length) || length != BodyHasher.HashLength)
        {
            reason = "bh= is not a SHA-256 in base64";
            return SignatureOutcome.PermError;
        }

        var body = digests[tags.BodyCanonicalization].Span;
        if (body.Length != BodyHasher.HashLength)
        {
            reason = "the body was not hashed in the form that c= asks for";
            return SignatureOutcome.TempError;
        }

        reason = "the body was changed after signing";
        return hash[..length].SequenceEqual(body) ? SignatureOutcome.Pass : SignatureOutcome.Fail;
    }

    /// <summary>Reads b=.</summary>
    /// <param name="signature">At least <see cref="MaxSignature"/> octets.</param>
    public static bool TryReadSignature(in SignatureTags tags, Span<byte> signature, out int length, out string reason)
    {
        reason = "b= is not a signature in base64";
        return Base64Value.TryDecode(tags.Signature, signature, out length);
    }

    /// <summary>Does the public key arithmetic over the signed fields: the dearest step, to come last.</summary>
    public static bool IsSignedWith(VerifyKey key, ReadOnlySpan<byte> signature, HeaderBlock block, in SignedNames names, in HeaderField field, in SignatureTags tags)
    {
        Span<byte> hash = stackalloc byte[BodyHasher.HashLength];
        HeaderHasher.Hash(block, names, field, tags.CutStart, tags.CutEnd, tags.HeaderCanonicalization, hash);
        return key.VerifyHash(hash, signature);
    }
}
