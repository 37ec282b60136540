namespace Mailkey.Contracts;

/// <summary>
/// A message that ingress holds and has not answered for yet: everything a verdict needs, and never the body.
/// Transient: when it is lost the client still owns the message.
/// </summary>
public sealed record MessageReceived
{
    public required string QueueId { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }
    public required ConnectionFacts Connection { get; init; }
    public required Envelope Envelope { get; init; }

    /// <summary>The header block as it came, octet for octet, CRLF line ends, without the empty line that ends it.</summary>
    public required byte[] HeaderBlock { get; init; }

    /// <summary>One for each canonicalisation that a signature field of the header block asks for; simple and relaxed at most.</summary>
    public required IReadOnlyList<BodyHash> BodyHashes { get; init; }

    /// <summary>Octets of the whole message after removal of dot-stuffing.</summary>
    public required long Size { get; init; }
}
