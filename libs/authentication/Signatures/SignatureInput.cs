using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>SHA-256 of the body in the canonicalisations that were computed; an empty one was not.</summary>
public readonly record struct BodyDigests(ReadOnlyMemory<byte> Simple, ReadOnlyMemory<byte> Relaxed)
{
    public ReadOnlyMemory<byte> this[Canonicalization canonicalization] => canonicalization == Canonicalization.Simple ? Simple : Relaxed;
}

/// <summary>All that a verification looks at, apart from the keys.</summary>
public readonly record struct SignatureInput
{
    public required HeaderBlock Headers { get; init; }

    public required BodyDigests Body { get; init; }

    /// <summary>The domain that is judged: of the reverse-path, or of EHLO when that is null. Case and U-labels don't matter.</summary>
    public required string Domain { get; init; }

    /// <summary>MAIL FROM without brackets; empty for <c>&lt;&gt;</c>.</summary>
    public required string ReversePath { get; init; }

    /// <summary>Every RCPT TO of the transaction, without brackets.</summary>
    public required IReadOnlyList<string> ForwardPaths { get; init; }

    public required DateTimeOffset Now { get; init; }

    /// <summary>
    /// Whether a signature made for other recipients is looked at to its end, so that a forward can be told from a forgery. It costs the work of
    /// a public key, so it is for mail under a forwarding agreement.
    /// </summary>
    public bool LooksBeyondRecipients { get; init; }
}
