using System.Net;
using Mailkey.Dns;

namespace Mailkey.Authentication.Keys;

/// <summary>What one search found, before anything that is remembered is considered.</summary>
public sealed record KeyHostFinding
{
    public required KeyHostState State { get; init; }
    public KeySet? Keys { get; init; }
    public string? Source { get; init; }

    /// <summary>The name at which the set, or the fault, was found; null when nothing was.</summary>
    public string? Host { get; init; }

    public KeyHostFault Fault { get; init; }
    public required string Reason { get; init; }

    /// <summary>How long the publisher lets it be kept.</summary>
    public required TimeSpan MaxAge { get; init; }

    /// <summary>What was asked and what came back, a line each.</summary>
    public IReadOnlyList<string> Steps { get; init; } = [];
}

/// <summary>
/// Looks for the mailkey host of a domain: TXT at <c>mailkey.&lt;domain&gt;</c>, else HTTPS from that host; else the same at
/// <c>mailkey.&lt;MX host&gt;</c> and at that without the first label of the MX host, where the answer has to name the domain.
/// </summary>
public sealed class KeyHostSearch(IDnsResolver resolver, KeySetFetcher fetcher)
{
    /// <summary>First label of a mailkey host.</summary>
    public const string Label = "mailkey";

    // A name that nobody sets up on purpose: when it has the addresses of the mailkey host, both come from a wildcard.
    private const string WildcardProbe = "mailkey-wildcard-probe";

    // Most preferred MX hosts that are looked at; each may cost six queries.
    private const int MaxExchangers = 3;

    // How long "this host serves nothing for that domain" is kept: HTTP gives no time for a 404.
    private static readonly TimeSpan NotServedAge = TimeSpan.FromMinutes(5);

    // A document without max_age.
    private static readonly TimeSpan DefaultAge = TimeSpan.FromMinutes(5);

    /// <summary>The same search, which takes no answer from the DNS cache but puts what it finds there.</summary>
    public KeyHostSearch WithoutCache() => resolver is DnsResolver cached ? new(cached.Uncached, fetcher) : this;

    /// <summary>Searches once.</summary>
    /// <param name="domain">In the normal form of <see cref="DomainName"/>.</param>
    /// <exception cref="OperationCanceledException">The token said so.</exception>
    public async Task<KeyHostFinding> SearchAsync(string domain, CancellationToken cancellationToken)
    {
        List<string> steps = [];
        var own = $"{Label}.{domain}";
        var look = await LookAsync(own, domain, atExchanger: false, steps, cancellationToken).ConfigureAwait(false);
        var age = look.MaxAge;
        if (look.Decided is not null)
        {
            return look.Decided with { Steps = steps };
        }

        var exchangers = await resolver.ResolveAsync(domain, DnsRecordType.Mx, cancellationToken).ConfigureAwait(false);
        steps.Add(Step(domain, "MX", exchangers));
        if (!IsProof(exchangers.Status))
        {
            return Unknown(domain, KeyHostFault.Dns, $"MX of {domain}: {Said(exchangers)}") with { Steps = steps };
        }

        age = Least(age, exchangers.TimeToLive);
        HashSet<string> visited = new(StringComparer.Ordinal) { own };
        foreach (var host in Preferred(exchangers))
        {
            foreach (var parent in new[] { false, true })
            {
                var below = host;
                if (parent)
                {
                    var (above, failure, aboveAge) = await AboveAsync(host, steps, cancellationToken).ConfigureAwait(false);
                    if (failure is not null)
                    {
                        return failure with { Steps = steps };
                    }

                    age = Least(age, aboveAge);
                    if (above is null)
                    {
                        continue;
                    }

                    below = above;
                }

                var name = $"{Label}.{below}";
                if (!visited.Add(name))
                {
                    continue;
                }

                look = await LookAsync(name, domain, atExchanger: true, steps, cancellationToken).ConfigureAwait(false);
                if (look.Decided is not null)
                {
                    return look.Decided with { Steps = steps };
                }

                age = Least(age, look.MaxAge);
            }
        }

        return new() { State = KeyHostState.Absent, Reason = $"no key set at {own} nor at its mail exchangers", MaxAge = age, Steps = steps };
    }

    private async Task<Look> LookAsync(string host, string domain, bool atExchanger, List<string> steps, CancellationToken cancellationToken)
    {
        var text = await resolver.ResolveAsync(host, DnsRecordType.Txt, cancellationToken).ConfigureAwait(false);
        steps.Add(Step(host, "TXT", text));
        if (!IsProof(text.Status))
        {
            return new(Unknown(host, KeyHostFault.Dns, $"TXT of {host}: {Said(text)}"), default);
        }

        if (text.Status == DnsStatus.Success && KeySetReading.FromText(domain, text.Records, atExchanger) is { } set)
        {
            return new(Found(set, atExchanger ? "mx-txt" : "txt", host, text.TimeToLive), default);
        }

        if (text.Status == DnsStatus.NameError)
        {
            return new(null, text.TimeToLive); // no name, no records of any type (RFC 2308 §2.1)
        }

        var four = resolver.ResolveAsync(host, DnsRecordType.A, cancellationToken).AsTask();
        var six = resolver.ResolveAsync(host, DnsRecordType.Aaaa, cancellationToken).AsTask();
        DnsAnswer[] answers = await Task.WhenAll(six, four).ConfigureAwait(false);
        steps.Add(Step(host, "A", answers[1]));
        steps.Add(Step(host, "AAAA", answers[0]));
        List<IPAddress> addresses = [.. answers.SelectMany(answer => answer.Records).Select(record => record.Address!)];
        if (addresses.Count == 0)
        {
            return Array.Find(answers, answer => !IsProof(answer.Status)) is { } failed
                ? new(Unknown(host, KeyHostFault.Dns, $"addresses of {host}: {Said(failed)}"), default)
                : new(null, Least(text.TimeToLive, Least(answers[0].TimeToLive, answers[1].TimeToLive)));
        }

        var fetched = await fetcher.FetchAsync(host, domain, addresses, cancellationToken).ConfigureAwait(false);
        steps.Add($"https://{host}{KeySetFetcher.Path}: {(fetched.Document is null ? fetched.Detail : "key set")}");
        if (fetched.Document is { } document)
        {
            return new(Found(document.Keys, atExchanger ? "mx-https" : "https", host, document.MaxAge ?? DefaultAge), default);
        }

        // An operator of exchangers that serves some domains owes nothing for the others.
        if (atExchanger && fetched.Fault is (KeyHostFault.NotFound or KeyHostFault.OtherDomain))
        {
            return new(null, NotServedAge);
        }

        return await IsWildcardAsync(host, addresses, steps, cancellationToken).ConfigureAwait(false)
            ? new(null, NotServedAge)
            : new(Unknown(host, fetched.Fault, fetched.Detail), default);
    }

    // Zones with a wildcard have addresses for any name, this one too, without anybody having set it up. A web server that is
    // found so and serves no key set says nothing about mailkey; one that was set up by name and fails leaves the state unknown.
    private async Task<bool> IsWildcardAsync(string host, List<IPAddress> addresses, List<string> steps, CancellationToken cancellationToken)
    {
        var sibling = $"{WildcardProbe}.{DomainName.Parent(host)}";
        foreach (var type in new[] { DnsRecordType.A, DnsRecordType.Aaaa })
        {
            var answer = await resolver.ResolveAsync(sibling, type, cancellationToken).ConfigureAwait(false);
            if (answer.Records.Any(record => addresses.Contains(record.Address!)))
            {
                steps.Add($"{sibling} has the same address: a wildcard, not a mailkey host");
                return true;
            }
        }

        return false;
    }

    // The name above an MX host may belong to somebody else: above example.co.uk anybody can register mailkey.co.uk. So it is
    // taken only when the host is not the top of its zone: then the name above lies in the same zone, under the same hand.
    private async Task<(string? Above, KeyHostFinding? Failure, TimeSpan MaxAge)> AboveAsync(string host, List<string> steps, CancellationToken cancellationToken)
    {
        if (DomainName.Parent(host) is not { } above || !above.Contains('.', StringComparison.Ordinal))
        {
            return (null, null, TimeSpan.MaxValue);
        }

        var authority = await resolver.ResolveAsync(host, DnsRecordType.Soa, cancellationToken).ConfigureAwait(false);
        steps.Add(Step(host, "SOA", authority));
        return !IsProof(authority.Status)
            ? (null, Unknown(host, KeyHostFault.Dns, $"SOA of {host}: {Said(authority)}"), default)
            : (authority.Status == DnsStatus.Success ? null : above, null, authority.TimeToLive);
    }

    // RFC 5321 §5.1: the lowest preference; RFC 7505: "." is no host.
    private static List<string> Preferred(DnsAnswer exchangers)
    {
        List<string> hosts = [];
        var best = exchangers.Records.Count == 0 ? 0 : exchangers.Records.Min(record => record.Preference);
        foreach (var record in exchangers.Records.Where(record => record.Preference == best).OrderBy(record => record.Target, StringComparer.Ordinal))
        {
            if (hosts.Count < MaxExchangers && DomainName.TryNormalize(record.Target, out var host) && !hosts.Contains(host, StringComparer.Ordinal))
            {
                hosts.Add(host);
            }
        }

        return hosts;
    }

    private static KeyHostFinding Found(KeySet set, string source, string host, TimeSpan age) => new()
    {
        State = KeyHostState.Exists,
        Keys = set,
        Source = source,
        Host = host,
        Reason = $"key set at {host} ({source})",
        MaxAge = age,
    };

    private static KeyHostFinding Unknown(string host, KeyHostFault fault, string reason) => new()
    {
        State = KeyHostState.Unknown,
        Host = host,
        Fault = fault,
        Reason = PlainText.From(reason, 300),
        MaxAge = TimeSpan.Zero,
    };

    private static bool IsProof(DnsStatus status) => status is DnsStatus.Success or DnsStatus.NoData or DnsStatus.NameError;

    private static string Said(DnsAnswer answer) => answer.Detail.Length > 0 ? answer.Detail : answer.Status.ToString();

    private static string Step(string name, string type, DnsAnswer answer) =>
        PlainText.From($"{name} {type}: {(answer.Status == DnsStatus.Success ? $"{answer.Records.Count} records" : Said(answer))}", 300);

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    // Decided: the search ends here. Else nothing is published at that name, and that may be kept so long.
    private readonly record struct Look(KeyHostFinding? Decided, TimeSpan MaxAge);
}
