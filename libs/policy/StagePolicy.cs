using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Hosting.Options;

namespace Mailkey.Policy;

/// <summary>What the stage makes of the mailkey evidence of one message.</summary>
/// <remarks>
/// A bad or missing signature of a publisher is always final (5yz) and an unreachable key host always temporary (4yz):
/// a forger gains nothing by trying again, and an honest sender loses nothing by a broken DNS (RFC 6376 §6.3).
/// </remarks>
public sealed class StagePolicy
{
    private readonly PolicyStage _stage;
    private readonly HashSet<string> _required;

    /// <exception cref="ArgumentException">The stage is unknown, or a required domain is no domain name.</exception>
    public StagePolicy(PolicyOptions options)
        : this(
            ParseStage(options.Stage) ?? throw new ArgumentException($"Mailkey:Policy:Stage \"{options.Stage}\" is none of {StageNames}.", nameof(options)),
            options.RequiredDomains)
    {
    }

    /// <exception cref="ArgumentException">A required domain is no domain name.</exception>
    public StagePolicy(PolicyStage stage, IEnumerable<string> requiredDomains)
    {
        _stage = stage;
        _required = new(StringComparer.OrdinalIgnoreCase);
        foreach (var domain in requiredDomains)
        {
            _required.Add(DomainName.TryNormalize(domain, out var ascii)
                ? ascii
                : throw new ArgumentException($"Mailkey:Policy:RequiredDomains: \"{domain}\" is not a domain name.", nameof(requiredDomains)));
        }
    }

    /// <summary>The stages as an operator writes them.</summary>
    public static string StageNames => "observe, enforce-published, require-listed, require-all";

    /// <summary>Names that decisions of the stage bear; no rule may have one of them.</summary>
    public static IReadOnlySet<string> DecisionNames { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        "observe", "signed", "test-key", "published-key", "key-host-unknown", "forwarding-agreement", "agreement", "agreement-contradiction", "agreement-unknown", "agreement-size", "agreement-rate", "agreement-spf", "require-all", "require-listed", "no-mailkey",
    };

    public static PolicyStage? ParseStage(string text) => text switch
    {
        "observe" => PolicyStage.Observe,
        "enforce-published" => PolicyStage.EnforcePublished,
        "require-listed" => PolicyStage.RequireListed,
        "require-all" => PolicyStage.RequireAll,
        _ => null,
    };

    /// <param name="domain">The judged domain; empty when there is none (null reverse-path and an EHLO that names no domain).</param>
    /// <param name="hostState">exists, absent or unknown.</param>
    /// <param name="result">RFC 8601 word.</param>
    /// <param name="reason">What failed, one ASCII line.</param>
    public PolicyDecision Decide(string domain, string hostState, string result, string reason)
    {
        if (_stage == PolicyStage.Observe)
        {
            return PolicyDecision.Accept("observe");
        }

        return (hostState, result) switch
        {
            // What could not be checked now is not forged: temporary, whether the host or the check itself failed.
            ("unknown", _) or (_, "temperror") => PolicyDecision.Defer("key-host-unknown", Refusals.HostUnknown(domain, reason)),
            ("exists", "pass") => PolicyDecision.Accept("signed"),
            // A word that a verifier gives only under a forwarding agreement: good but for the recipients.
            ("exists", "policy") => PolicyDecision.Accept("forwarding-agreement"),
            ("exists", "neutral") => PolicyDecision.Accept("test-key"),
            ("exists", _) => PolicyDecision.Reject("published-key", Refusals.NotSigned(domain, reason)),
            _ when _stage == PolicyStage.RequireAll => PolicyDecision.Reject("require-all", Refusals.MailkeyRequired(domain)),
            _ when _stage == PolicyStage.RequireListed && _required.Contains(domain) => PolicyDecision.Reject("require-listed", Refusals.MailkeyRequired(domain)),
            _ => PolicyDecision.Accept("no-mailkey"),
        };
    }
}
