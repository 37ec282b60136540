using Mailkey.Dns;

namespace Mailkey.Spf;

/// <summary>Answers whether a client may send for a domain: check_host() of RFC 7208. Holds no state; the resolver keeps the answers.</summary>
/// <param name="timeLimit">Time for one evaluation with all its look-ups. What is later is a temperror (RFC 7208 §4.6.4).</param>
public sealed class SpfEvaluator(IDnsResolver resolver, TimeSpan timeLimit, TimeProvider time)
{
    /// <summary>Evaluates one question. The outcome is a value, whatever the records and the network do.</summary>
    /// <exception cref="OperationCanceledException">The token says so.</exception>
    public ValueTask<SpfResult> EvaluateAsync(SpfQuestion question, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(question);
        var (identity, localPart, domain) = Identity(question);

        // RFC 7208 §4.3: no domain name, or one of a single label.
        if (!DomainName.TryNormalize(domain, out var ascii) || !ascii.Contains('.', StringComparison.Ordinal))
        {
            return new(new SpfResult { Verdict = SpfVerdict.None, Identity = identity, Domain = "", Problem = "no domain to ask" });
        }

        return new Evaluation(resolver, question, identity, localPart, ascii, timeLimit, time, cancellationToken).RunAsync();
    }

    // RFC 7208 §2.4, §4.3
    private static (SpfIdentity Identity, string LocalPart, string Domain) Identity(SpfQuestion question)
    {
        const string defaultLocalPart = "postmaster";
        var path = question.ReversePath;
        if (path.Length == 0)
        {
            return (SpfIdentity.Helo, defaultLocalPart, question.ClientName);
        }

        // RFC 5321 §4.1.1.3: a source route is ignored.
        if (path[0] == '@' && path.IndexOf(':', StringComparison.Ordinal) is > 0 and var route)
        {
            path = path[(route + 1)..];
        }

        var at = path.LastIndexOf('@');
        return (SpfIdentity.MailFrom, at > 0 ? path[..at] : defaultLocalPart, path[(at + 1)..]);
    }
}
