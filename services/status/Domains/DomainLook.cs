using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;
using Mailkey.Senders;
using Microsoft.Extensions.Options;

namespace Mailkey.Status.Domains;

/// <summary>Looks at a domain as a receiver does that has nothing in its cache.</summary>
public sealed class DomainLook
{
    private const string SpfVersion = "v=spf1";

    private readonly DomainInspection _inspection;
    private readonly DomainChecks _checks;
    private readonly IDnsResolver _resolver;
    private readonly TimeProvider _time;
    private readonly TimeSpan _interval;
    private readonly string[] _ours;

    public DomainLook(DomainInspection inspection, DomainChecks checks, IDnsResolver resolver, IOptions<MailkeyOptions> options, TimeProvider time)
    {
        (_inspection, _checks, _resolver, _time) = (inspection, checks, resolver, time);
        _interval = options.Value.StatusPage.CheckInterval;
        _ours = [.. DnsServices.From(options.Value.Dns).Servers.Select(server => server.ToString())];
    }

    /// <summary>Looks, keeps what was found, and lets all verifiers forget what they had in their caches about the domain.</summary>
    /// <param name="domain">In normal form.</param>
    /// <returns>Null when that was done; else how long to wait, because somebody asked for the same just before.</returns>
    /// <exception cref="Npgsql.NpgsqlException">The database is away.</exception>
    public async Task<TimeSpan?> LookAsync(string domain, CancellationToken cancellationToken)
    {
        if (await _checks.ClaimAsync(domain, _time.GetUtcNow(), _interval, cancellationToken) is { } wait)
        {
            return wait;
        }

        var spf = HasSpfAsync(domain, cancellationToken);
        var findings = await _inspection.InspectAsync(domain, cancellationToken);
        await _checks.SaveAsync(domain, new(_time.GetUtcNow(), ForTheWorld(findings), await spf), cancellationToken);
        return null;
    }

    // RFC 7208 §4.5
    private async Task<bool?> HasSpfAsync(string domain, CancellationToken cancellationToken)
    {
        var answer = await _resolver.ResolveAsync(domain, DnsRecordType.Txt, cancellationToken);
        return answer.Status switch
        {
            DnsStatus.Success => answer.Records.Any(record => record.Text is { } text && text.StartsWith(SpfVersion, StringComparison.OrdinalIgnoreCase) && (text.Length == SpfVersion.Length || text[SpfVersion.Length] == ' ')),
            DnsStatus.NoData or DnsStatus.NameError => false,
            _ => null,
        };
    }

    // The address of our resolver is nobody's business.
    private DomainFindings ForTheWorld(DomainFindings findings) => findings with
    {
        Reason = Blind(findings.Reason),
        Steps = [.. findings.Steps.Select(Blind)],
        Problems = [.. findings.Problems.Select(problem => problem with { What = Blind(problem.What) })],
    };

    private string Blind(string text) => _ours.Aggregate(text, static (blind, address) => blind.Replace(address, "our resolver", StringComparison.Ordinal));
}
