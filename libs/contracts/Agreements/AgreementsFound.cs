namespace Mailkey.Contracts.Agreements;

/// <summary>The answer to <see cref="FindAgreements"/>.</summary>
public sealed record AgreementsFound
{
    /// <summary>One for each key, in the order of the question; null when the ledger could not be read, which says nothing about any agreement.</summary>
    public IReadOnlyList<AgreementFound>? Answers { get; init; }
}
