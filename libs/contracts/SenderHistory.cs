namespace Mailkey.Contracts;

/// <summary>What this receiver has seen of a sender domain before a message, all of its verifiers together.</summary>
public sealed record SenderHistory
{
    /// <summary>Null for a domain that was never seen.</summary>
    public DateTimeOffset? FirstSeen { get; init; }

    /// <summary>Null for a domain that was never seen.</summary>
    public DateTimeOffset? LastSeen { get; init; }

    /// <summary>Messages accepted.</summary>
    public long Accepted { get; init; }

    /// <summary>Messages refused for good.</summary>
    public long Refused { get; init; }
}
