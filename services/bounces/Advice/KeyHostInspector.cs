namespace Mailkey.Bounces.Advice;

/// <summary>stub</summary>
public sealed class KeyHostInspector : IDomainInspector
{
    public ValueTask<DomainCondition> InspectAsync(string domain, CancellationToken cancellationToken) => new(DomainCondition.Unremarkable);
}
