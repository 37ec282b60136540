namespace Mailkey.Bounces.Advice;

/// <summary>What the owner of a sender domain could be told.</summary>
public enum AdvisoryKind
{
    /// <summary>Nothing: all is well, or it is not known.</summary>
    None,

    /// <summary>The domain has no mailkey host.</summary>
    NoHost,

    /// <summary>There is a mailkey host, and something is wrong with what it publishes.</summary>
    HostBroken,

    /// <summary>It can't be found out whether there is one.</summary>
    HostUnknown,
}

/// <summary>The state of a sender domain.</summary>
/// <param name="Kind">What to advise.</param>
/// <param name="Problems">What is broken, a line each; untrusted text.</param>
public sealed record DomainCondition(AdvisoryKind Kind, IReadOnlyList<string> Problems)
{
    public static DomainCondition Unremarkable { get; } = new(AdvisoryKind.None, []);
}

/// <summary>Finds out in what state the mailkey host of a domain is, as a receiver of its mail would.</summary>
public interface IDomainInspector
{
    /// <param name="domain">Lower-case A-labels.</param>
    ValueTask<DomainCondition> InspectAsync(string domain, CancellationToken cancellationToken);
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
