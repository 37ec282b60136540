namespace Mailkey.Contracts;

/// <summary>The hash of the whole body in one canonicalisation (RFC 6376 §3.4.3, §3.4.4, §3.7).</summary>
public sealed record BodyHash
{
    /// <summary><c>simple</c> or <c>relaxed</c>.</summary>
    public required string Canonicalization { get; init; }

    /// <summary>SHA-256 of the canonicalised body, 32 octets.</summary>
    public required byte[] Sha256 { get; init; }

    /// <summary>Octets of the canonicalised body.</summary>
    public required long Length { get; init; }
}
