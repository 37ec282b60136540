namespace Mailkey.Contracts;

/// <summary>Verdicts that became ready together.</summary>
public sealed record MessageVerifiedBatch
{
    public required IReadOnlyList<MessageVerified> Messages { get; init; }
}
