using System.Globalization;
using System.Net;
using Mailkey.Dns;
using Mailkey.Networks;

namespace Mailkey.Bounces.Reporting;

/// <summary>
/// Under which name an advisory is counted. Whoever forges senders can make up any number of names below a domain, and any
/// number of mailboxes at an address; all of them reach the same people.
/// </summary>
public sealed class AdvisedDomain(IDnsResolver resolver, TimeProvider time)
{
    // No domain that mail is sent from has a zone further down; and so many questions are enough.
    private const int MaxLabels = 6;

    // A slow name server costs its owner the summary, and nobody else their time.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>
    /// The zone of the domain, at least two labels long; the domain itself when that is not found out; an address in its one form
    /// for an address literal.
    /// </summary>
    public async ValueTask<string> OfAsync(string reversePath, CancellationToken cancellationToken)
    {
        if (ReversePath.Domain(reversePath) is not { } domain)
        {
            return Literal(reversePath[(reversePath.LastIndexOf('@') + 1)..]);
        }

        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await ZoneAsync(domain, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return domain;
        }
    }

    private async ValueTask<string> ZoneAsync(string domain, CancellationToken cancellationToken)
    {
        var name = domain;
        while (name.AsSpan().Count('.') >= MaxLabels)
        {
            name = DomainName.Parent(name)!;
        }

        while (true)
        {
            var authority = await resolver.ResolveAsync(name, DnsRecordType.Soa, cancellationToken);
            switch (authority.Status)
            {
                case DnsStatus.Success:
                    // Behind a CNAME it is another name.
                    return authority.Records is [{ Name: var zone }, ..] && zone.Contains('.', StringComparison.Ordinal) ? zone : name;
                case DnsStatus.NoData or DnsStatus.NameError:
                    if (DomainName.Parent(name) is not { } parent || !parent.Contains('.', StringComparison.Ordinal))
                    {
                        return name;
                    }

                    name = parent;
                    break;
                default:
                    return domain;
            }
        }
    }

    private static string Literal(string text)
    {
        var inner = text.Trim('[', ']');
        inner = inner.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase) ? inner[5..] : inner;
        return IPAddress.TryParse(inner, out var address)
            ? string.Create(CultureInfo.InvariantCulture, $"[{address.Unmapped()}]")
            : text.ToLowerInvariant();
    }
}
