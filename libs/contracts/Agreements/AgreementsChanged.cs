namespace Mailkey.Contracts.Agreements;

/// <summary>Something happened to these agreements: whoever remembers an answer about them must forget it. Goes to every replica.</summary>
public sealed record AgreementsChanged
{
    public required IReadOnlyList<string> AgreementIds { get; init; }

    /// <summary>Keys of <see cref="FindAgreements"/> whose answer may be another one now, "nothing" included.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];
}
