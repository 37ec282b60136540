namespace Mailkey.Contracts;

/// <summary>What one DKIM-Signature (RFC 6376) is worth.</summary>
public sealed record DkimEvidence
{
    /// <summary>RFC 8601 result word: pass, fail, policy, neutral, temperror, permerror.</summary>
    public required string Result { get; init; }

    /// <summary>d= as lower-case A-labels; empty when unreadable.</summary>
    public required string Domain { get; init; }

    /// <summary>s=; empty when unreadable.</summary>
    public required string Selector { get; init; }

    /// <summary>a=, such as <c>rsa-sha256</c>; null when unreadable.</summary>
    public string? Algorithm { get; init; }

    /// <summary>i= decoded, or <c>@</c> and d= without one (RFC 6376 §3.5); null when unreadable.</summary>
    public string? Identity { get; init; }

    /// <summary>The first characters of b=, 8 or as many as tell it from the other signatures of the message (RFC 6008 §4); null when unreadable.</summary>
    public string? SignatureStart { get; init; }

    /// <summary>Bits of the RSA modulus, 256 for Ed25519; null when no key was used.</summary>
    public int? KeyBits { get; init; }

    /// <summary>
    /// How many deliveries to different recipients, this one included, the verifier has seen with this very signature, within half a
    /// day to a day; null unless the signature is good. Many of them are a replay, or a large list.
    /// </summary>
    public int? Seen { get; init; }

    /// <summary>True when it is good and covers every List-Id of the message; else null.</summary>
    public bool? SignsListId { get; init; }

    /// <summary>One ASCII line for a person: why it is no pass; null for a pass.</summary>
    public string? Reason { get; init; }
}
