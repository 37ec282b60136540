namespace Mailkey.Contracts;

/// <summary>The verdict on one <see cref="MessageReceived"/>.</summary>
public sealed record MessageVerified
{
    public required string QueueId { get; init; }
    public required Disposition Disposition { get; init; }

    /// <summary>The whole reply for the final dot when refused: code, enhanced code (RFC 3463), text, without link and queue id. Null when accepted.</summary>
    public ReplyText? Reply { get; init; }

    /// <summary>The value of the Authentication-Results field (RFC 8601) without the authserv-id: <c>mailkey=pass smtp.mailfrom=…; …</c>.</summary>
    public required string AuthenticationResults { get; init; }

    /// <summary>Header fields to put in front of an accepted message: <c>Name: value</c>, printable ASCII, without line ends.</summary>
    public IReadOnlyList<string> AddedFields { get; init; } = [];

    public required Verdict Verdict { get; init; }
}
