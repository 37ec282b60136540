using Mailkey.Agreements.Agreements;

namespace Mailkey.Agreements.Desk;

/// <summary>What somebody asks an agreement for.</summary>
public sealed record Proposal
{
    /// <summary>Domain of the organisation that forwards.</summary>
    public required string Forwarder { get; init; }

    /// <summary>Address of the user here; a subaddress is one of its account's.</summary>
    public required string Recipient { get; init; }
    public required string Category { get; init; }

    /// <summary>List-Id, or the forwarder's name of its recipe.</summary>
    public required string Subscription { get; init; }
    public string? DisplayName { get; init; }
    public required IReadOnlyList<AgreementMethod> Methods { get; init; }
    public required Terms Terms { get; init; }

    /// <summary>What the forwarder says about a consent that it got.</summary>
    public ConsentEvidence? Evidence { get; init; }
}
