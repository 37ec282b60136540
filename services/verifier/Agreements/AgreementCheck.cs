using System.Text;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Contracts;
using Mailkey.Contracts.Agreements;
using Mailkey.Dns;
using Mailkey.Messaging.Agreements;
using Mailkey.Mime;
using Mailkey.Policy;
using Mailkey.Smtp;
using Mailkey.Verifier.Agreements.Replays;
using Mailkey.Verifier.Evidence;

namespace Mailkey.Verifier.Agreements;

/// <summary>
/// Judges a message by its forwarding agreement: whether there is one, whether it is the forwarder who uses it, and what its terms change. Mail
/// that names none, and has no signed List-Id of a forwarder, passes through without a question to anybody.
/// </summary>
public sealed class AgreementCheck(IAgreementDirectory directory, KeyHostDiscovery discovery, SignatureVerifier signatures, SpfCheck spf, ReplayGuard? replays = null)
{
    private const string Auth = "auth";
    private const string Reference = "reference";
    private const string Address = "address";
    private const string Dkim = "dkim";

    /// <summary>Domains whose signed List-Id is looked at; so many signatures are verified.</summary>
    private const int MaxDomains = SignatureFields.MaxTried;

    /// <summary>Looks up the agreement that the session named. Asked before anything else, because its terms say what is to be asked.</summary>
    public ValueTask<AgreementFound?> LookUpAsync(AgreementClaim claim, CancellationToken cancellationToken) =>
        directory.FindAsync(AgreementKey.OfId(claim.AgreementId), cancellationToken);

    /// <summary>Which blocklists are not asked: known beforehand only where the forwarder has logged in.</summary>
    /// <returns>Null: all are asked.</returns>
    public static Func<string, bool>? SkippedZones(AgreementClaim? claim, AgreementInForce? agreement) =>
        agreement is not null && claim?.AuthenticatedForwarder == agreement.Forwarder && agreement.Terms.Dnsbl != "check"
            ? zone => Skips(agreement.Terms, zone)
            : null;

    /// <summary>The blocklist answers with those left out that the terms skip.</summary>
    public static IReadOnlyList<BlocklistEvidence> Under(AgreementInForce agreement, IReadOnlyList<BlocklistEvidence> answers) =>
        agreement.Terms.Dnsbl == "check" ? answers
        : [.. answers.Select(answer => Skips(agreement.Terms, answer.Zone) ? answer with { Result = "skipped", Codes = [], Reason = "by agreement" } : answer)];

    /// <summary>Where agreements are switched off.</summary>
    public static AgreementFinding NotHere(AgreementClaim claim, SignatureVerdict signature) =>
        new(EvidenceOf("temperror", claim.AgreementId, claim.Method, null, null, "agreements are switched off in this verifier"), null, signature, Refusals.AgreementUnknown(), "agreement-unknown");

    /// <summary>Judges a message.</summary>
    /// <param name="found">What <see cref="LookUpAsync"/> said; means nothing without a claim.</param>
    /// <param name="other">Evidence apart from the mailkey.</param>
    /// <param name="own">What the mailkey of the envelope domain says, and whose it is.</param>
    /// <returns>Null when the message has nothing to do with any agreement.</returns>
    public async ValueTask<AgreementFinding?> JudgeAsync(
        MessageReceived message, HeaderBlock headers, AgreementFound? found, OtherEvidence other, MailkeyEvidence own, CancellationToken cancellationToken)
    {
        var listId = SignedListId(headers, other.Dkim);
        if (message.Envelope.Agreement is not { } claim)
        {
            return listId is null || message.Envelope.Recipients.Count != 1 ? null : await JudgeListAsync(message, headers, listId, other, own, cancellationToken);
        }

        if (found is null)
        {
            return Undecided(claim, null, own, "agreement-unknown", Refusals.AgreementUnknown(), "nobody could be asked about the agreement");
        }

        if (found.Agreement is not { } agreement)
        {
            return Failed(claim, null, own, "agreement", Refusals.AgreementNotInForce(), "no such agreement is in force");
        }

        string? by = claim.AuthenticatedForwarder == agreement.Forwarder ? Auth : null;
        SpfEvidence? forwarderSpf = null;
        if (by is null)
        {
            (by, forwarderSpf, var isKnown) = await AuthenticateAsync(message, headers, agreement.Forwarder, other, own, cancellationToken);
            if (by is null)
            {
                return isKnown
                    ? Failed(claim, agreement, own, "agreement", Refusals.NotOfForwarder(agreement.Forwarder), $"nothing proves that it comes from {agreement.Forwarder}")
                    : Undecided(claim, agreement, own, "agreement-unknown", Refusals.ForwarderUnknown(agreement.Forwarder), $"whether it comes from {agreement.Forwarder} can't be told now");
            }
        }

        if (listId is not null && await ContradictsAsync(agreement, listId, cancellationToken) is { } contradiction)
        {
            return Failed(claim, agreement, own, "agreement-contradiction", Refusals.AgreementsContradict(), contradiction, by);
        }

        return await ApplyAsync(message, agreement, claim, by, forwarderSpf, other, own, cancellationToken);
    }

    /// <summary>Ends what was begun with a message, once it is known what becomes of it.</summary>
    public void Settle(AgreementFinding finding, bool accepted)
    {
        if (finding.Taken is { } taken)
        {
            replays?.Settle(taken, accepted);
        }
    }

    // The List-Id names the agreement.
    private async ValueTask<AgreementFinding?> JudgeListAsync(
        MessageReceived message, HeaderBlock headers, SignedList list, OtherEvidence other, MailkeyEvidence own, CancellationToken cancellationToken)
    {
        if (!Mailbox.TryParse(message.Envelope.Recipients[0].ForwardPath, out var mailbox, out _))
        {
            return null;
        }

        var recipient = $"{mailbox!.LocalPart.Normalize().ToLowerInvariant()}@{mailbox.AsciiDomain}";
        List<string> keys = [];
        foreach (var domain in list.Domains)
        {
            // Most lists are of domains that no one here has an agreement with: that is remembered, and ends it.
            if (directory.Recall(AgreementKey.OfForwarder(domain)) is not { IsForwarder: false })
            {
                keys.Add(AgreementKey.OfForwarder(domain));
                keys.Add(AgreementKey.OfSubscription(domain, recipient, list.Id));
            }
        }

        if (keys.Count == 0)
        {
            return null;
        }

        var answers = await directory.FindAsync(keys, cancellationToken);
        if (answers is null)
        {
            // It matters only to a message that would be refused without an agreement.
            return own.Signature.IsRefusal
                ? Undecided(new() { AgreementId = "", Method = Reference }, null, own, "agreement-unknown", Refusals.AgreementUnknown(), "nobody could be asked about agreements")
                : null;
        }

        return answers.Select(answer => answer.Agreement).FirstOrDefault(agreement => agreement?.Methods.Contains(Reference) is true) is { } agreement
            ? await ApplyAsync(message, agreement, null, Dkim, null, other, own, cancellationToken)
            : null;
    }

    // claim: null when the List-Id names the agreement.
    private async ValueTask<AgreementFinding> ApplyAsync(
        MessageReceived message, AgreementInForce agreement, AgreementClaim? claim, string by, SpfEvidence? forwarderSpf, OtherEvidence other, MailkeyEvidence own,
        CancellationToken cancellationToken)
    {
        var method = claim?.Method ?? Reference;
        List<string> skipped = [];
        var terms = agreement.Terms;
        if (terms.Dnsbl != "check")
        {
            skipped.Add(AgreementEvidence.Dnsbl);
        }

        if (terms.Spf == "ignore")
        {
            skipped.Add(AgreementEvidence.Spf);
        }
        else if (terms.Spf == "forwarder-domain")
        {
            skipped.Add(AgreementEvidence.SpfOfSender);
            forwarderSpf ??= await spf.CheckForwarderAsync(message, agreement.Forwarder, cancellationToken);
        }

        UInt128[]? taken = null;
        if (by == Dkim && replays is not null)
        {
            taken = replays.Take(message, agreement, other.Signatures, out var copy);
            if (copy is not null)
            {
                // The forwarder itself may come again as often as its rate allows, and must where our replies don't reach it.
                forwarderSpf ??= await spf.CheckForwarderAsync(message, agreement.Forwarder, cancellationToken);
                if (forwarderSpf?.Result != ResultWord.Pass)
                {
                    return Copied(message, agreement, claim, copy, forwarderSpf, own);
                }

                by = "spf";
            }
        }

        var signature = own.Signature;
        if (signature is { IsRefusal: true } && own.Keys is not null && terms.Mailkey == "ignore-recipient-binding"
            && signatures.Verify(own.Input with { LooksBeyondRecipients = true }, own.Keys) is { OnlyRecipientsDiffer: true } forwarded)
        {
            // RFC 8601 §2.7.1: signed, but some aspect of the signature was not acceptable. The forwarder's user was to get it, and did.
            signature = forwarded with { Result = ResultWord.Policy };
            skipped.Add(AgreementEvidence.MailkeyRecipients);
        }

        var evidence = EvidenceOf("pass", agreement.Id, method, agreement, by, null) with { Skipped = skipped, ForwarderSpf = forwarderSpf };
        var (refusal, rule) = message.Size > terms.Size ? (Refusals.BeyondAgreement(terms.Size), "agreement-size")
            : terms.Spf == "forwarder-domain" && forwarderSpf?.Result == "fail" ? (Refusals.ForwarderSpf(agreement.Forwarder), "agreement-spf")
            : (null, "");
        return new(evidence, agreement, signature, refusal, rule) { Taken = taken };
    }

    // RFC 6376 §8.6: a good signature, sent again by anybody. Who names the agreement is refused as everybody who does and may not; a List-Id names
    // it by the way, and then the message is what it is without the agreement.
    private AgreementFinding Copied(
        MessageReceived message, AgreementInForce agreement, AgreementClaim? claim, Copy copy, SpfEvidence? forwarderSpf, MailkeyEvidence own)
    {
        if (forwarderSpf?.Result == ResultWord.TempError && (claim is not null || own.Signature.IsRefusal))
        {
            return new(
                EvidenceOf("temperror", agreement.Id, claim?.Method ?? Reference, agreement, null, copy.Reason), null, own.Signature, Refusals.ForwarderUnknown(agreement.Forwarder), "agreement-unknown");
        }

        replays!.Report(message, agreement, copy);
        var evidence = EvidenceOf("fail", agreement.Id, claim?.Method ?? Reference, agreement, Dkim, copy.Reason) with { ForwarderSpf = forwarderSpf };
        var refusal = Refusals.Replayed(agreement.Forwarder);
        return claim is null ? new(evidence, null, own.Signature, null, "") { Unsigned = refusal } : new(evidence, null, own.Signature, refusal, "agreement-replay");
    }

    // By its own domain: what is there already first, then what has to be asked for.
    private async ValueTask<(string? By, SpfEvidence? Spf, bool IsKnown)> AuthenticateAsync(
        MessageReceived message, HeaderBlock headers, string forwarder, OtherEvidence other, MailkeyEvidence own, CancellationToken cancellationToken)
    {
        if (own.Signature.IsPass && own.Domain == forwarder)
        {
            return ("mailkey", null, true);
        }

        var isKnown = true;
        foreach (var dkim in other.Dkim)
        {
            if (DkimRules.Covers(dkim.Domain, forwarder))
            {
                if (dkim.Result == ResultWord.Pass)
                {
                    return (Dkim, null, true);
                }

                isKnown &= dkim.Result != ResultWord.TempError;
            }
        }

        if (headers.Count("Mailkey-Signature"u8) > 0)
        {
            var host = await discovery.FindAsync(forwarder, cancellationToken);
            if (host.State == KeyHostState.Exists && signatures.Verify(own.Input with { Domain = forwarder }, host.Keys!).IsPass)
            {
                return ("mailkey", null, true);
            }

            isKnown &= host.State != KeyHostState.Unknown;
        }

        var ofForwarder = other.Spf is { Identity: "mailfrom" } sender && sender.Domain == forwarder ? sender : await spf.CheckForwarderAsync(message, forwarder, cancellationToken);
        return ofForwarder?.Result == ResultWord.Pass ? ("spf", ofForwarder, true) : (null, ofForwarder, isKnown && ofForwarder?.Result != ResultWord.TempError);
    }

    // A List-Id of the forwarder that names something else than what the session named. Categories that know no List-Id may carry any, unless
    // it is that of another agreement.
    private async ValueTask<string?> ContradictsAsync(AgreementInForce agreement, SignedList list, CancellationToken cancellationToken)
    {
        if (!list.Domains.Any(domain => DkimRules.Covers(domain, agreement.Forwarder)) || string.Equals(list.Id, agreement.Subscription, StringComparison.Ordinal))
        {
            return null;
        }

        if (agreement.Category is "mailing-list" or "newsletter")
        {
            return $"List-Id is not {agreement.Subscription}";
        }

        var another = await directory.FindAsync(AgreementKey.OfSubscription(agreement.Forwarder, agreement.Recipient, list.Id), cancellationToken);
        return another?.Agreement is { } other && other.Id != agreement.Id ? $"List-Id is that of agreement {other.Id}" : null;
    }

    private static SignedList? SignedListId(HeaderBlock headers, IReadOnlyList<DkimEvidence> dkim)
    {
        List<string>? domains = null;
        foreach (var evidence in dkim)
        {
            if (evidence is { SignsListId: true, Result: ResultWord.Pass } && domains?.Contains(evidence.Domain) is not true && (domains ??= []).Count < MaxDomains)
            {
                domains.Add(evidence.Domain);
            }
        }

        // Nested lists each leave their own (RFC 2919 §5): then none of them names anything.
        return domains is not null && headers.Count("List-Id"u8) == 1 && ListId.TryParse(headers.Fields[headers.FindFirst("List-Id"u8)].Value, out var id) ? new(id, domains) : null;
    }

    private static bool Skips(AgreementTerms terms, string zone) =>
        terms.Dnsbl == "skip" || (terms.Dnsbl == "skip-zones" && DomainName.TryNormalize(zone, out var name) && terms.DnsblZones.Contains(name));

    private static AgreementFinding Failed(
        AgreementClaim claim, AgreementInForce? agreement, MailkeyEvidence own, string rule, ReplyText refusal, string reason, string? by = null) =>
        new(EvidenceOf("fail", claim.AgreementId, claim.Method, agreement, by, reason), null, own.Signature, claim.Method == Address ? Refusals.UnknownRecipient() : refusal, rule);

    private static AgreementFinding Undecided(AgreementClaim claim, AgreementInForce? agreement, MailkeyEvidence own, string rule, ReplyText refusal, string reason) =>
        new(EvidenceOf("temperror", claim.AgreementId, claim.Method, agreement, null, reason), null, own.Signature, refusal, rule);

    private static AgreementEvidence EvidenceOf(string result, string id, string method, AgreementInForce? agreement, string? by, string? reason) => new()
    {
        Result = result,
        Id = id,
        Method = method,
        Forwarder = agreement?.Forwarder,
        Trust = agreement?.Trust,
        Category = agreement?.Category,
        Version = agreement?.Version ?? 0,
        AuthenticatedBy = by,
        Reason = reason,
    };

    private sealed record SignedList(string Id, IReadOnlyList<string> Domains);
}

/// <summary>What is known of the mailkey of the envelope domain.</summary>
/// <param name="Keys">The keys; null when there are none.</param>
/// <param name="Input">What was verified with them.</param>
public sealed record MailkeyEvidence(string Domain, KeySet? Keys, SignatureVerdict Signature, SignatureInput Input);
