namespace Mailkey.Contracts;

/// <summary>Messages of concurrent sessions that share one durable, confirmed bus message.</summary>
public sealed record MessageAcceptedBatch
{
    public required IReadOnlyList<MessageAccepted> Messages { get; init; }
}
