using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>What those who sign messages have in common: a key, in whose name, and how the message is brought into the form that is signed.</summary>
public abstract record MessageSigner
{
    public required SigningKey Key { get; init; }

    /// <summary>d=: the domain that publishes the key.</summary>
    public required string Domain { get; init; }

    public Canonicalization HeaderCanonicalization { get; init; } = Canonicalization.Relaxed;

    public Canonicalization BodyCanonicalization { get; init; } = Canonicalization.Relaxed;

    /// <summary>Begins the field of a signature that is made now.</summary>
    private protected StringBuilder Begin(string fieldName, string keyName, DateTimeOffset now, TimeSpan lifetime)
    {
        var time = now.ToUnixTimeSeconds();
        var text = new StringBuilder(1024);
        SignatureField.Begin(
            text, fieldName, Key, HeaderCanonicalization, BodyCanonicalization, EnvelopeBinding.NormalizeDomain(Domain), keyName, time, time + (long)lifetime.TotalSeconds);
        return text;
    }

    /// <summary>Ends the field and signs it.</summary>
    private protected byte[] Complete(StringBuilder text, HeaderBlock block, IEnumerable<string> names, ReadOnlySpan<byte> bodyHash) =>
        SignatureField.Complete(text, block, [.. names], HeaderCanonicalization, bodyHash, Key);
}
