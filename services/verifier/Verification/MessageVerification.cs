using System.Diagnostics;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Dns;
using Mailkey.Hosting;
using Mailkey.Messaging.Verdicts;
using Mailkey.Mime;
using Mailkey.Policy;
using Mailkey.Verifier.Agreements;
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
    TimeProvider time,
    AgreementCheck? agreements = null) : IVerdictGiver
{
    public async ValueTask<MessageVerified> JudgeAsync(MessageReceived message, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var domain = IdentityDomain(message);
        var headers = HeaderBlock.Parse(message.HeaderBlock);
        AskingNetwork.Current = AskingNetwork.Of(message.Connection.ClientAddress);

        AgreementFound? claimed = null;
        if (agreements is not null && message.Envelope.Agreement is { } claim)
        {
            claimed = await agreements.LookUpAsync(claim, cancellationToken);
        }

        // All of it waits for the network, so all of it waits at once.
        var other = GatherAsync(message, headers, AgreementCheck.SkippedZones(message.Envelope.Agreement, claimed?.Agreement), cancellationToken);
        var (host, signature) = await JudgeMailkeyAsync(message, headers, domain, cancellationToken);
        var evidence = await other;
        AgreementFinding? agreement = null;
        if (agreements is not null)
        {
            var own = new MailkeyEvidence(domain, host.State == KeyHostState.Exists ? host.Keys : null, signature, Input(message, headers, domain));
            agreement = await agreements.JudgeAsync(message, headers, claimed, evidence, own, cancellationToken);
        }
        else if (message.Envelope.Agreement is not null)
        {
            // Ingress offers agreements and this verifier does not know of it: nobody may take the word of the session for it.
            agreement = AgreementCheck.NotHere(message.Envelope.Agreement, signature);
        }

        MessageVerified? verified = null;
        try
        {
            verified = await AnswerAsync(message, headers, started, domain, host.State, host.Source, agreement?.Signature ?? signature, evidence, agreement, cancellationToken);
            return verified;
        }
        finally
        {
            if (agreement is not null)
            {
                agreements?.Settle(agreement, accepted: verified?.Disposition == Disposition.Accept);
            }
        }
    }

    private async ValueTask<(KeyHost Host, SignatureVerdict Signature)> JudgeMailkeyAsync(
        MessageReceived message, HeaderBlock headers, string domain, CancellationToken cancellationToken)
    {
        if (domain.Length == 0)
        {
            // A null reverse-path from a client whose EHLO names no domain: there is nobody whose key could be asked for.
            return (new() { Domain = "", State = KeyHostState.Absent, Reason = "no domain to ask", MaxAge = TimeSpan.Zero }, Without(ResultWord.None, "no domain to ask"));
        }

        var host = await discovery.FindAsync(domain, cancellationToken);
        return (host, host.State switch
        {
            KeyHostState.Exists => Verify(message, headers, domain, host.Keys!),
            KeyHostState.Absent => Without(ResultWord.None, host.Reason),
            _ => Without(ResultWord.TempError, host.Reason),
        });
    }

    private async Task<OtherEvidence> GatherAsync(MessageReceived message, HeaderBlock headers, Func<string, bool>? skippedZones, CancellationToken cancellationToken)
    {
        var ofSpf = spf.CheckAsync(message, cancellationToken);
        var ofDkim = dkim.CheckAsync(message, headers, cancellationToken);
        var ofBlocklists = blocklists.CheckAsync(message.Connection, cancellationToken, skippedZones);
        var (evidence, findings) = await ofDkim;
        return new(await ofSpf, evidence, findings, await ofBlocklists);
    }

    /// <summary>The domain of the reverse-path; that of EHLO when the reverse-path is null (RFC 7208 §2.4 does the same).</summary>
    /// <returns>Empty when there is none.</returns>
    private static string IdentityDomain(MessageReceived message)
    {
        var path = message.Envelope.ReversePath;
        var name = path.Length == 0 ? message.Connection.ClientName : path[(path.LastIndexOf('@') + 1)..];
        return DomainName.TryNormalize(name, out var ascii) ? ascii : "";
    }

    private SignatureVerdict Verify(MessageReceived message, HeaderBlock headers, string domain, KeySet keys) =>
        signatures.Verify(Input(message, headers, domain), keys);

    private SignatureInput Input(MessageReceived message, HeaderBlock headers, string domain)
    {
        var recipients = message.Envelope.Recipients;
        var paths = new string[recipients.Count];
        for (var i = 0; i < paths.Length; i++)
        {
            paths[i] = recipients[i].ForwardPath;
        }

        return new SignatureInput
        {
            Headers = headers,
            Body = message.BodyDigests(),
            Domain = domain,
            ReversePath = message.Envelope.ReversePath,
            ForwardPaths = paths,
            Now = time.GetUtcNow(),
        };
    }

    private async ValueTask<MessageVerified> AnswerAsync(
        MessageReceived message, HeaderBlock headers, long started, string domain, KeyHostState state, string? source, SignatureVerdict signature, OtherEvidence other, AgreementFinding? agreement, CancellationToken cancellationToken)
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
            Blocklists = agreement?.Agreement is { } inForce ? AgreementCheck.Under(inForce, other.Blocklists) : other.Blocklists,
            Agreement = agreement?.Evidence,
            Size = message.Size,
            Rule = "",
            Verifier = identity.Instance,
            ElapsedMicroseconds = 0,
        };
        var (decision, history) = agreement?.Refusal is { } refusal
            ? (Refused(agreement, refusal), null)
            : await policy.DecideAsync(new PolicyInput(message.Connection, message.Envelope, evidence, message.Size, message.ReceivedAt), agreement?.Agreement, cancellationToken);
        if (agreement?.Unsigned is { } unsigned && decision.Reply is { EnhancedCode: Refusals.NoPassingSignature })
        {
            decision = decision with { Reply = Refusals.Naming(decision.Rule, unsigned) };
        }

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
            AuthenticationResults = ResultsField.Format(message, domain, signature, other.Spf, other.Dkim, agreement?.Evidence),
            AddedFields = decision.AddedFields(),
            Verdict = evidence,
        };
    }

    // One that must look like an unknown mailbox names no rule.
    private static PolicyDecision Refused(AgreementFinding agreement, ReplyText refusal) =>
        new(refusal.Code < 500 ? VerdictOutcome.Defer : VerdictOutcome.Reject, agreement.Rule, refusal.EnhancedCode == "5.1.1" ? refusal : Refusals.Naming(agreement.Rule, refusal));

    private static SignatureVerdict Without(string result, string reason) => new() { Result = result, Reason = reason };
}
