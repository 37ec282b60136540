namespace Mailkey.Bounces.Advice;

/// <summary>What the owner of a sender domain could be told.</summary>
public enum AdvisoryKind
{
    /// <summary>Nothing: all is well, or it is not known.</summary>
    None,

    /// <summary>The domain has no mailkey host.</summary>
    NoHost,

    /// <summary>There is a mailkey host, and none of its keys can be used.</summary>
    HostBroken,

    /// <summary>It can't be found out whether there is one.</summary>
    HostUnknown,
}

/// <summary>The words of the journal.</summary>
public static class AdvisoryKinds
{
    public static string Name(AdvisoryKind kind) => kind switch
    {
        AdvisoryKind.NoHost => "no-host",
        AdvisoryKind.HostBroken => "host-broken",
        AdvisoryKind.HostUnknown => "host-unknown",
        _ => "none",
    };
}

/// <summary>The state of a sender domain.</summary>
public sealed record DomainCondition
{
    public static DomainCondition Unremarkable { get; } = new() { Kind = AdvisoryKind.None };

    public required AdvisoryKind Kind { get; init; }

    /// <summary>What is broken and how to mend it, a line each; untrusted text.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>Lines for the zone file; only when there is no host.</summary>
    public IReadOnlyList<string> RecordsToPublish { get; init; } = [];
}

/// <summary>Finds out in what state the mailkey host of a domain is, as a receiver of its mail would.</summary>
public interface IDomainInspector
{
    /// <param name="domain">Lower-case A-labels.</param>
    /// <exception cref="OperationCanceledException">The token said so.</exception>
    ValueTask<DomainCondition> InspectAsync(string domain, CancellationToken cancellationToken);
}
