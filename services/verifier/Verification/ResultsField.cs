using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Mime;

namespace Mailkey.Verifier.Verification;

/// <summary>What the Authentication-Results field (RFC 8601) says of a message, without the authserv-id.</summary>
internal static class ResultsField
{
    /// <param name="domain">The domain that was judged for its mailkey.</param>
    public static string Format(MessageReceived message, string domain, SignatureVerdict signature, SpfEvidence? spf, IReadOnlyList<DkimEvidence> dkim, AgreementEvidence? agreement = null)
    {
        List<AuthenticationResult> results = [Mailkey(message, domain, signature)];
        foreach (var evidence in dkim)
        {
            results.Add(Dkim(evidence));
        }

        if (spf is not null)
        {
            results.Add(Spf(message, spf));
        }

        if (agreement is { Result: "pass" })
        {
            results.Add(Agreement(agreement));
        }

        return AuthenticationResults.Format(results);
    }

    // A method of its own: a login of a forwarder is no auth= of a user, whom readers take for well known (RFC 8601 §2.7.4).
    private static AuthenticationResult Agreement(AgreementEvidence evidence)
    {
        List<(string, string)> properties = [("policy.agreement", evidence.Id)];
        Add(properties, "policy.forwarder", evidence.Forwarder);
        Add(properties, "policy.trust", evidence.Trust);
        Add(properties, "policy.method", evidence.Method);
        return new("x-fwdagree", evidence.Result) { Properties = properties };
    }

    // smtp.mailfrom, never header.from: what is authenticated is the envelope sender alone.
    private static AuthenticationResult Mailkey(MessageReceived message, string domain, SignatureVerdict signature)
    {
        List<(string, string)> properties = [message.Envelope.ReversePath.Length > 0 ? ("smtp.mailfrom", message.Envelope.ReversePath) : ("smtp.helo", message.Connection.ClientName)];
        if (signature.KeyName is { } key)
        {
            properties.Add(("header.d", signature.Domain ?? domain));
            properties.Add(("header.s", key));
        }

        return new("mailkey", signature.Result) { Properties = properties };
    }

    // RFC 8601 §2.7.1; header.b tells which of several signatures is meant (RFC 6008 §4).
    private static AuthenticationResult Dkim(DkimEvidence evidence)
    {
        List<(string, string)> properties = [];
        Add(properties, "header.d", evidence.Domain);
        Add(properties, "header.i", evidence.Identity);
        Add(properties, "header.s", evidence.Selector);
        Add(properties, "header.a", evidence.Algorithm);
        Add(properties, "header.b", evidence.SignatureStart);
        return new("dkim", evidence.Result) { Reason = evidence.Reason, Properties = properties };
    }

    // RFC 8601 §2.7.2: the identity that was checked says which property it is. The domain's own explanation stays out:
    // it is a stranger's sentence, and readers take what stands here for ours.
    private static AuthenticationResult Spf(MessageReceived message, SpfEvidence evidence) =>
        new("spf", evidence.Result)
        {
            Properties = [evidence.Identity == "helo" ? ("smtp.helo", message.Connection.ClientName) : ("smtp.mailfrom", message.Envelope.ReversePath)],
        };

    private static void Add(List<(string, string)> properties, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            properties.Add((name, value));
        }
    }
}
