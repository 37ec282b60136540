using Mailkey.Authentication.Keys;

namespace Mailkey.Bounces.Advice;

/// <summary>Asks for the key set of a domain in the way the verifier does, with the same cache and limits.</summary>
public sealed class KeyHostInspector(KeyHostDiscovery discovery) : IDomainInspector
{
    public async ValueTask<DomainCondition> InspectAsync(string domain, CancellationToken cancellationToken)
    {
        var host = await discovery.FindAsync(domain, cancellationToken);
        return host switch
        {
            { State: KeyHostState.Absent } => new(AdvisoryKind.NoHost, []),
            { State: KeyHostState.Exists, Keys: { } keys } => OfKeys(keys),
            _ => new(AdvisoryKind.HostUnknown, [host.Reason]),
        };
    }

    private static DomainCondition OfKeys(KeySet keys)
    {
        var usable = keys.Keys.Any(key => key.Status == KeyStatus.Active);
        return usable && keys.Problems.Count == 0
            ? DomainCondition.Unremarkable
            : new(AdvisoryKind.HostBroken, usable ? keys.Problems : ["no key can be used, so all mail counts as unsigned", .. keys.Problems]);
    }
}
