using System.Diagnostics;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Dns;
using Mailkey.Hosting;
using Mailkey.Messaging.Verdicts;
using Mailkey.Mime;
using Mailkey.Policy;
using Mailkey.Verifier.Evidence;
using Mailkey.Verifier.Policy;
using Mailkey.Verifier.Senders;
using Mailkey.Verifier.Telemetry;

namespace Mailkey.Verifier.Verification;

/// <summary>Judges a message: whose it claims to be, what that domain publishes, whether the signature fits, what policy makes of it.</summary>
public sealed class MessageVerification(
    KeyHostDiscovery discovery,
    SignatureVerifier signatures,
    SpfCheck spf,
    DkimCheck dkim,
    BlocklistCheck blocklists,
    PolicyDesk policy,
    RecentFailures failures,
    ServiceIdentity identity,
    TimeProvider time) : IVerdictGiver
{
    public async ValueTask<MessageVerified> JudgeAsync(MessageReceived message, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var domain = IdentityDomain(message);
        var headers = HeaderBlock.Parse(message.HeaderBlock);

        // All of it waits for the network, so all of it waits at once.
        var other = GatherAsync(message, headers, cancellationToken);
        var (state, source, signature) = await JudgeMailkeyAsync(message, headers, domain, cancellationToken);
        return await AnswerAsync(message, headers, started, domain, state, source, signature, await other, cancellationToken);
    }

    private async ValueTask<(KeyHostState State, string? Source, SignatureVerdict Signature)> JudgeMailkeyAsync(
        MessageReceived message, HeaderBlock headers, string domain, CancellationToken cancellationToken)
    {
        if (domain.Length == 0)
        {
            // A null reverse-path from a client whose EHLO names no domain: there is nobody whose key could be asked for.
            return (KeyHostState.Absent, null, Without(ResultWord.None, "no domain to ask"));
        }

        var host = await discovery.FindAsync(domain, cancellationToken);
        return (host.State, host.Source, host.State switch
        {
            KeyHostState.Exists => Verify(message, headers, domain, host.Keys!),
            KeyHostState.Absent => Without(ResultWord.None, host.Reason),
            _ => Without(ResultWord.TempError, host.Reason),
        });
    }

    private async Task<OtherEvidence> GatherAsync(MessageReceived message, HeaderBlock headers, CancellationToken cancellationToken)
    {
        var ofSpf = spf.CheckAsync(message, cancellationToken);
        var ofDkim = dkim.CheckAsync(message, headers, cancellationToken);
        var ofBlocklists = blocklists.CheckAsync(message.Connection, cancellationToken);
        return new(await ofSpf, await ofDkim, await ofBlocklists);
    }

    /// <summary>The domain of the reverse-path; that of EHLO when the reverse-path is null (RFC 7208 §2.4 does the same).</summary>
    /// <returns>Empty when there is none.</returns>
    private static string IdentityDomain(MessageReceived message)
    {
        var path = message.Envelope.ReversePath;
        var name = path.Length == 0 ? message.Connection.ClientName : path[(path.LastIndexOf('@') + 1)..];
        return DomainName.TryNormalize(name, out var ascii) ? ascii : "";
    }

    private SignatureVerdict Verify(MessageReceived message, HeaderBlock headers, string domain, KeySet keys)
    {
        var recipients = message.Envelope.Recipients;
        var paths = new string[recipients.Count];
        for (var i = 0; i < paths.Length; i++)
        {
            paths[i] = recipients[i].ForwardPath;
        }

        return signatures.Verify(
            new SignatureInput
            {
                Headers = headers,
                Body = message.BodyDigests(),
                Domain = domain,
                ReversePath = message.Envelope.ReversePath,
                ForwardPaths = paths,
                Now = time.GetUtcNow(),
            },
            keys);
    }

    private async ValueTask<MessageVerified> AnswerAsync(
        MessageReceived message, HeaderBlock headers, long started, string domain, KeyHostState state, string? source, SignatureVerdict signature, OtherEvidence other, CancellationToken cancellationToken)
    {
        var evidence = new Verdict
        {
            HostState = state switch { KeyHostState.Exists => "exists", KeyHostState.Absent => "absent", _ => "unknown" },
            Result = signature.Result,
            Domain = domain,
            KeySource = source,
            KeyName = signature.KeyName,
            SignatureKind = signature.Kind,
            Reason = signature.Reason,
            HeaderProblem = HeaderIntegrity.Problem(headers),
            Spf = other.Spf,
            Dkim = other.Dkim,
            Blocklists = other.Blocklists,
            Size = message.Size,
            Rule = "",
            Verifier = identity.Instance,
            ElapsedMicroseconds = 0,
        };
        var (decision, history) = await policy.DecideAsync(new PolicyInput(message.Connection, message.Envelope, evidence, message.Size, message.ReceivedAt), cancellationToken);
        evidence = evidence with
        {
            History = history,
            Outcome = decision.Outcome,
            Tags = decision.Tags.Count == 0 ? null : [.. decision.Tags.Select(tag => tag.Rule)],
            Rule = decision.Rule,
            ElapsedMicroseconds = (long)Stopwatch.GetElapsedTime(started).TotalMicroseconds,
        };
        failures.Note(evidence, decision.Disposition);
        VerdictMetrics.Judged(decision.Disposition, evidence);
        return new()
        {
            QueueId = message.QueueId,
            Disposition = decision.Disposition,
            Reply = decision.Reply,
            AuthenticationResults = ResultsField.Format(message, domain, signature, other.Spf, other.Dkim),
            AddedFields = decision.AddedFields(),
            Verdict = evidence,
        };
    }

    private static SignatureVerdict Without(string result, string reason) => new() { Result = result, Reason = reason };
}
