namespace Mailkey.Contracts;

/// <summary>Messages of concurrent sessions that share one bus message; each is judged and answered for on its own.</summary>
public sealed record MessageReceivedBatch
{
    public required IReadOnlyList<MessageReceived> Messages { get; init; }
}
