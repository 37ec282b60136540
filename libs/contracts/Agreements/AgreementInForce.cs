namespace Mailkey.Contracts.Agreements;

/// <summary>An agreement as far as it acts on mail.</summary>
public sealed record AgreementInForce
{
    public required string Id { get; init; }

    /// <summary>Domain of the organisation that forwards, as lower-case A-labels.</summary>
    public required string Forwarder { get; init; }

    /// <summary>The mailbox that it is for, in lower case.</summary>
    public required string Recipient { get; init; }

    /// <summary><c>dot-forward</c>, <c>alias</c>, <c>mailing-list</c>, <c>newsletter</c>, <c>backup-mx</c> or what else the operator named.</summary>
    public required string Category { get; init; }

    /// <summary>List-Id or name of the recipe, in lower case.</summary>
    public required string Subscription { get; init; }

    /// <summary>How the forwarder may say that it uses it: <c>auth</c>, <c>reference</c>, <c>address</c>.</summary>
    public required IReadOnlyList<string> Methods { get; init; }

    /// <summary><c>probation</c> or <c>established</c>.</summary>
    public required string Trust { get; init; }

    /// <summary>Version of the terms.</summary>
    public required int Version { get; init; }

    /// <summary>The terms as they act now: during probation less than what was agreed on.</summary>
    public required AgreementTerms Terms { get; init; }

    /// <summary>The address that only the forwarder knows; null without one.</summary>
    public string? Address { get; init; }

    /// <summary>When the terms end by themselves; null: never.</summary>
    public DateTimeOffset? ValidUntil { get; init; }
}
