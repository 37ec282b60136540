namespace Mailkey.Contracts.Agreements;

/// <summary>
/// Asks which agreements hold now. Transient: who asks waits for the answer, and a lost question is asked again with the next transaction.
/// </summary>
public sealed record FindAgreements
{
    /// <summary>
    /// What to look for, a few at once: <c>id:</c>, <c>credential:</c>, <c>address:</c> and <c>forwarder:</c> with the name behind it, or <c>subscription:</c>
    /// with forwarder, recipient and List-Id, tabs between. All in lower case.
    /// </summary>
    public required IReadOnlyList<string> Keys { get; init; }
}
