namespace Mailkey.Contracts.Agreements;

/// <summary>Something was done with an agreement that it does not cover.</summary>
public sealed record AgreementMisused
{
    /// <summary>The agreement that answers for it.</summary>
    public required string AgreementId { get; init; }

    /// <summary><c>foreign-reference</c>, <c>wrong-reference</c>, <c>address-used-by-another</c> or <c>message-replayed</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The transaction; it counts once, however often it is reported.</summary>
    public required string QueueId { get; init; }

    /// <summary>Who it was, as far as anybody knows: address of the client.</summary>
    public required string ClientAddress { get; init; }

    public required DateTimeOffset At { get; init; }
}
