using Mailkey.Authentication.Keys;
using Mailkey.Dns;
using Mailkey.Hosting.Options;

namespace Mailkey.Verifier.Policy;

/// <summary>How far the receiver goes on the way from watching to requiring.</summary>
public enum PolicyStage
{
    /// <summary>Nothing is refused for mailkey reasons; the verdict only says what would have been.</summary>
    Observe,

    /// <summary>Forged mail of domains that publish is refused; who does not publish is untouched.</summary>
    EnforcePublished,

    /// <summary>In addition the listed domains must sign.</summary>
    RequireListed,

    /// <summary>Everybody must sign.</summary>
    RequireAll,
}

/// <summary>Turns the evidence of one message into what is done with it.</summary>
/// <remarks>
/// A bad or missing signature of a publisher is always final (5yz) and an unreachable key host always temporary (4yz):
/// a forger gains nothing by trying again, and an honest sender loses nothing by a broken DNS (RFC 6376 §6.3).
/// </remarks>
public sealed class StagePolicy
{
    private readonly PolicyStage stage;
    private readonly HashSet<string> required;

    public StagePolicy(PolicyOptions options)
    {
        stage = ParseStage(options.Stage) ?? throw new ArgumentException($"Mailkey:Policy:Stage \"{options.Stage}\" is none of observe, enforce-published, require-listed, require-all.", nameof(options));
        required = new(StringComparer.OrdinalIgnoreCase);
        foreach (var domain in options.RequiredDomains)
        {
            required.Add(DomainName.TryNormalize(domain, out var ascii) ? ascii : throw new ArgumentException($"Mailkey:Policy:RequiredDomains: \"{domain}\" is not a domain name.", nameof(options)));
        }
    }

    public static PolicyStage? ParseStage(string text) => text switch
    {
        "observe" => PolicyStage.Observe,
        "enforce-published" => PolicyStage.EnforcePublished,
        "require-listed" => PolicyStage.RequireListed,
        "require-all" => PolicyStage.RequireAll,
        _ => null,
    };

    /// <param name="domain">The judged domain; empty when there is none (null reverse-path and an EHLO that names no domain).</param>
    /// <param name="result">RFC 8601 word.</param>
    /// <param name="reason">What failed, one ASCII line.</param>
    public PolicyDecision Decide(string domain, KeyHostState state, string result, string reason)
    {
        if (stage == PolicyStage.Observe)
        {
            return PolicyDecision.Accept("observe");
        }

        return (state, result) switch
        {
            (KeyHostState.Unknown, _) => PolicyDecision.Defer("key-host-unknown", Refusals.HostUnknown(domain, reason)),
            (KeyHostState.Exists, "pass") => PolicyDecision.Accept("signed"),
            (KeyHostState.Exists, "neutral") => PolicyDecision.Accept("test-key"),
            (KeyHostState.Exists, _) => PolicyDecision.Reject("published-key", Refusals.NotSigned(domain, reason)),
            _ when stage == PolicyStage.RequireAll => PolicyDecision.Reject("require-all", Refusals.MailkeyRequired(domain)),
            _ when stage == PolicyStage.RequireListed && required.Contains(domain) => PolicyDecision.Reject("require-listed", Refusals.MailkeyRequired(domain)),
            _ => PolicyDecision.Accept("no-mailkey"),
        };
    }
}
