using Mailkey.Authentication.Keys;

namespace Mailkey.Bounces.Advice;

/// <summary>
/// The state of a domain, of all that <see cref="DomainInspection"/> finds only what hurts: a note is for who does not know
/// mailkey, or whose mail is being refused. The rest is for <c>mailkey check</c>.
/// </summary>
public sealed class KeyHostInspector(DomainInspection inspection) : IDomainInspector
{
    public async ValueTask<DomainCondition> InspectAsync(string domain, CancellationToken cancellationToken)
    {
        var findings = await inspection.InspectAsync(domain, cancellationToken);
        var kind = findings.State switch
        {
            KeyHostState.Absent => AdvisoryKind.NoHost,
            KeyHostState.Unknown => AdvisoryKind.HostUnknown,
            _ => findings.Keys.Any(key => key.Status == KeyStatus.Active) ? AdvisoryKind.None : AdvisoryKind.HostBroken,
        };
        return new()
        {
            Kind = kind,
            Problems = kind is AdvisoryKind.HostBroken or AdvisoryKind.HostUnknown
                ? [.. findings.Problems.SelectMany(problem => new[] { problem.What, $"  {problem.Fix}" })]
                : [],
            RecordsToPublish = findings.RecordsToPublish,
        };
    }
}
