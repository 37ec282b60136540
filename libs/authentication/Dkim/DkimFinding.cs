namespace Mailkey.Authentication.Dkim;

/// <summary>What one DKIM-Signature is worth.</summary>
public sealed record DkimFinding
{
    /// <summary>A result word of RFC 8601 §2.7.1: pass, fail, policy, neutral, temperror, permerror.</summary>
    public required string Result { get; init; }

    /// <summary>d= as lower-case A-labels; empty when unreadable.</summary>
    public string Domain { get; init; } = "";

    /// <summary>s=; empty when unreadable.</summary>
    public string Selector { get; init; } = "";

    /// <summary>a=; null when absent.</summary>
    public string? Algorithm { get; init; }

    /// <summary>i= decoded, or an at sign and d=; null when unreadable.</summary>
    public string? Identity { get; init; }

    /// <summary>The first characters of b=, which tell the signatures of a message from each other (RFC 6008 §4); null when there is no b=.</summary>
    public string? SignatureStart { get; init; }

    /// <summary>Bits of the RSA modulus, 256 for Ed25519; null when no key was used.</summary>
    public int? KeyBits { get; init; }

    /// <summary>Half of the SHA-256 of the signature's octets, to know it again; null unless the result is pass.</summary>
    public UInt128? Fingerprint { get; init; }

    /// <summary>t= of a good signature; null unless the result is pass, and where there is none.</summary>
    public DateTimeOffset? SignedAt { get; init; }

    /// <summary>Whether it is good and covers every List-Id of the message, of which there is one at least.</summary>
    public bool SignsListId { get; init; }

    /// <summary>Why it is no pass, one printable ASCII line; null for a pass.</summary>
    public string? Reason { get; init; }
}

/// <summary>What the DKIM signatures of a message are worth.</summary>
/// <param name="Signatures">One for each that was looked at, top down.</param>
/// <param name="Ignored">How many there were beyond <see cref="DkimVerifier.MaxSignatures"/>.</param>
public sealed record DkimFindings(IReadOnlyList<DkimFinding> Signatures, int Ignored)
{
    public static DkimFindings None { get; } = new([], 0);
}
