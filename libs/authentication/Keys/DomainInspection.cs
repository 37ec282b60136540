using System.Globalization;
using Mailkey.Authentication.Crypto;
using Mailkey.Dns;
using Mailkey.Hosting.Options;

namespace Mailkey.Authentication.Keys;

/// <summary>What a receiver sees of a domain, and what its postmaster should know about that.</summary>
public sealed record DomainFindings
{
    public required string Domain { get; init; }
    public required KeyHostState State { get; init; }

    /// <summary><c>txt</c>, <c>https</c>, <c>mx-txt</c> or <c>mx-https</c>; null unless a set exists.</summary>
    public string? Source { get; init; }

    /// <summary>The name where the set, or the fault, was found.</summary>
    public string? Host { get; init; }

    /// <summary>One ASCII line.</summary>
    public required string Reason { get; init; }

    public long? Serial { get; init; }
    public string? ReportUrl { get; init; }

    /// <summary>How long receivers keep the set.</summary>
    public TimeSpan MaxAge { get; init; }

    /// <summary>The keys that can be used or are revoked; others are among the problems.</summary>
    public IReadOnlyList<InspectedKey> Keys { get; init; } = [];

    /// <summary>What is wrong, worst first. Empty: a receiver can verify mail of this domain.</summary>
    public IReadOnlyList<DomainProblem> Problems { get; init; } = [];

    /// <summary>Lines for the zone file that would publish a key set; only when there is none.</summary>
    public IReadOnlyList<string> RecordsToPublish { get; init; } = [];

    /// <summary>What was asked and what came back, in order.</summary>
    public IReadOnlyList<string> Steps { get; init; } = [];
}

/// <summary>One key as it is published.</summary>
/// <param name="Bits">Of the modulus; 256 for Ed25519; 0 when revoked.</param>
public sealed record InspectedKey(string Name, KeyType Type, int Bits, KeyStatus Status, bool Test, string? Note);

/// <summary>Something to mend.</summary>
/// <param name="What">What is wrong; one ASCII line.</param>
/// <param name="Fix">What to do about it; one ASCII line.</param>
public sealed record DomainProblem(string What, string Fix);

/// <summary>
/// Looks at a domain as a receiver without any memory of it does, and says what is wrong: for <c>mailkey check</c> and for the
/// advice in delivery status notifications.
/// </summary>
public sealed class DomainInspection(KeyHostSearch search, KeyHostOptions options, TimeProvider time)
{
    // Outside of these a TTL is a nuisance: rotation takes days, or each message costs queries.
    private static readonly TimeSpan LongAge = TimeSpan.FromHours(12);
    private static readonly TimeSpan ShortAge = TimeSpan.FromMinutes(1);

    /// <summary>Inspects a domain, given in any form.</summary>
    /// <exception cref="OperationCanceledException">The token said so.</exception>
    public async Task<DomainFindings> InspectAsync(string domain, CancellationToken cancellationToken)
    {
        if (!DomainName.TryNormalize(domain, out var name))
        {
            var shown = PlainText.From(domain, 64);
            return new()
            {
                Domain = shown,
                State = KeyHostState.Absent,
                Reason = "not a domain name",
                Problems = [new($"\"{shown}\" is not a domain name", "Give a domain such as example.org.")],
            };
        }

        using var deadline = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        KeyHostFinding finding;
        try
        {
            finding = await search.SearchAsync(name, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            finding = new() { State = KeyHostState.Unknown, Fault = KeyHostFault.Timeout, Reason = $"no end of the search within {options.Timeout.TotalSeconds:0.#} s", MaxAge = TimeSpan.Zero };
        }

        return new()
        {
            Domain = name,
            State = finding.State,
            Source = finding.Source,
            Host = finding.Host,
            Reason = finding.Reason,
            Serial = finding.Keys?.Serial,
            ReportUrl = finding.Keys?.ReportUrl,
            MaxAge = finding.MaxAge,
            Keys = [.. (finding.Keys?.Keys ?? []).Select(Inspect)],
            Problems = [.. Problems(name, finding)],
            RecordsToPublish = finding.State == KeyHostState.Absent ? [KeyRecords.Template(name, KeyName())] : [],
            Steps = finding.Steps,
        };
    }

    private static IEnumerable<DomainProblem> Problems(string domain, KeyHostFinding finding)
    {
        if (finding.State == KeyHostState.Absent)
        {
            yield return new(
                $"{domain} publishes no key set: anybody can send mail in its name",
                "Make a key with \"mailkey keygen\", publish the record, and sign outgoing mail with it.");
            yield break;
        }

        if (finding.State == KeyHostState.Unknown)
        {
            yield return new(finding.Reason, Fix(finding, domain));
            yield break;
        }

        var set = finding.Keys!;
        if (!set.Keys.Any(key => key.Status == KeyStatus.Active))
        {
            yield return new(
                "The key set has no usable active key: all mail of the domain is refused as unsigned",
                $"Publish a key, or remove {finding.Host} to stop using mailkey.");
        }
        else if (set.Keys.All(key => key.Status == KeyStatus.Revoked || key.Test))
        {
            yield return new("All active keys are for tests: a forged message is not refused", "Remove t=y when signing works.");
        }

        foreach (var problem in set.Problems)
        {
            yield return new(PlainText.From(problem, 300), "Publish the record again as \"mailkey records\" prints it.");
        }

        if (finding.MaxAge > LongAge)
        {
            yield return new(
                string.Create(CultureInfo.InvariantCulture, $"The set may be kept for {finding.MaxAge.TotalHours:0} hours: a stolen key lives on as long"),
                "Lower the TTL (or max_age) to an hour.");
        }
        else if (finding.MaxAge < ShortAge)
        {
            yield return new(
                string.Create(CultureInfo.InvariantCulture, $"The set may be kept for {finding.MaxAge.TotalSeconds:0} seconds only: receivers look it up for nearly each message"),
                "Raise the TTL (or max_age) to an hour.");
        }
    }

    private static string Fix(KeyHostFinding finding, string domain) => finding.Fault switch
    {
        KeyHostFault.Dns or KeyHostFault.Timeout => "See that all name servers of the domain answer, over UDP and TCP, for this name and type.",
        KeyHostFault.NotPublic => $"Give {finding.Host} a public address, or publish TXT records instead.",
        KeyHostFault.Connection => $"Serve https://{finding.Host}{KeySetFetcher.Path} on port 443 within 3 seconds, or publish TXT records instead.",
        KeyHostFault.Tls => $"Get a certificate for {finding.Host} from a public authority, and send its whole chain.",
        KeyHostFault.NotFound or KeyHostFault.Status => $"Answer https://{finding.Host}{KeySetFetcher.Path}?domain={domain} with 200, without redirect.",
        KeyHostFault.Content => "Answer with application/json, not compressed, of at most 32 KiB.",
        KeyHostFault.Document => "Serve the document as \"mailkey records\" prints it.",
        KeyHostFault.OtherDomain => $"Serve the document of {domain}: \"domain\" has to be the one that is asked for.",
        _ => "Try again later.",
    };

    private static InspectedKey Inspect(PublishedKey key) => new(
        key.Name,
        key.Type,
        key.Status == KeyStatus.Active && VerifyKey.TryImport(key.Type, key.Material.Span, out var imported, out _) ? imported.Bits : 0,
        key.Status,
        key.Test,
        key.Note);

    private string KeyName() => string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow().Year}a");
}
