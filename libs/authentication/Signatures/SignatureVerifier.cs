using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>
/// Verifies the signatures of a message against the key set of its envelope domain. Reads nothing but its arguments: no clock, no
/// network. Thread-safe.
/// </summary>
public sealed class SignatureVerifier(VerifyKeyCache? imported = null)
{
    private readonly VerifyKeyCache imported = imported ?? new VerifyKeyCache();

    /// <summary>Tries the first <see cref="SignatureFields.MaxTried"/> signatures until one is good.</summary>
    public SignatureVerdict Verify(in SignatureInput input, KeySet keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var block = input.Headers;
        var testsOnly = TestsOnly(keys);
        if (HeaderIntegrity.Problem(block) is { } problem)
        {
            // Two readers may see two different messages in it, and the signature speaks of one.
            return Refusal(testsOnly, problem);
        }

        Span<int> indices = stackalloc int[SignatureFields.MaxTried];
        var count = SignatureFields.Select(block, indices, out var mailkey);
        if (count == 0)
        {
            return Refusal(testsOnly, "no signature");
        }

        var domain = EnvelopeBinding.NormalizeDomain(input.Domain);
        var best = SignatureOutcome.Foreign;
        var bestIndex = 0;
        var bestReason = "";
        for (var i = 0; i < count; i++)
        {
            var outcome = VerifyOne(input, keys, domain, block.Fields[indices[i]], i < mailkey, out var reason);
            if (outcome > best || bestReason.Length == 0)
            {
                (best, bestIndex, bestReason) = (outcome, i, reason);
                if (outcome == SignatureOutcome.Pass)
                {
                    break;
                }
            }
        }

        if (best == SignatureOutcome.Foreign)
        {
            return Refusal(testsOnly, bestReason);
        }

        var (d, s) = SignatureTags.Names(block.Fields[indices[bestIndex]].Value);
        return new SignatureVerdict
        {
            Result = best switch
            {
                SignatureOutcome.Pass => ResultWord.Pass,
                _ when testsOnly => ResultWord.Neutral,
                SignatureOutcome.PermError => ResultWord.PermError,
                SignatureOutcome.TempError => ResultWord.TempError,
                _ => ResultWord.Fail,
            },
            Kind = bestIndex < mailkey ? SignatureKind.Mailkey : SignatureKind.Dkim,
            Domain = d,
            KeyName = s,
            OnlyRecipientsDiffer = best == SignatureOutcome.OtherRecipients && !testsOnly,
            Reason = testsOnly && best != SignatureOutcome.Test ? TestKeysOnly(bestReason) : bestReason,
        };
    }

    // Who begins with test keys only must not lose a message by it, signed or not (RFC 6376 §3.6.1 has the same rule for t=y).
    private static SignatureVerdict Refusal(bool testsOnly, string reason) =>
        new() { Result = testsOnly ? ResultWord.Neutral : ResultWord.Fail, Reason = testsOnly ? TestKeysOnly(reason) : reason };

    private static string TestKeysOnly(string reason) => $"test keys only: {reason}";

    // A domain that tests next to a key in earnest is still protected by that: else a forger would name the test key.
    private static bool TestsOnly(KeySet keys)
    {
        var tests = false;
        foreach (var key in keys.Keys)
        {
            if (key.Status == KeyStatus.Active)
            {
                if (!key.Test)
                {
                    return false;
                }

                tests = true;
            }
        }

        return tests;
    }

    private SignatureOutcome VerifyOne(in SignatureInput input, KeySet keys, string domain, in HeaderField field, bool mailkey, out string reason)
    {
        var value = field.Value;
        if (!SignatureTags.TryParse(value, mailkey, out var tags, out var syntax))
        {
            reason = syntax!;
            return SignatureOutcome.PermError;
        }

        var d = EnvelopeBinding.NormalizeDomain(Encoding.UTF8.GetString(tags.Domain));
        if (mailkey ? d != domain : !DkimRules.Covers(d, domain))
        {
            reason = "no signature for this domain";
            return SignatureOutcome.Foreign;
        }

        if (!TryFindKey(keys, tags.KeyName, out var published))
        {
            // A domain may well sign by DKIM with keys that it does not list for mailkey.
            reason = $"key {SignatureTags.Printable(tags.KeyName)} is not in the key set";
            return mailkey ? SignatureOutcome.Fail : SignatureOutcome.Foreign;
        }

        if (published.Status != KeyStatus.Active)
        {
            reason = $"key {published.Name} is revoked";
            return SignatureOutcome.Fail;
        }

        var outcome = VerifyWith(published, input, field, tags, mailkey, out reason);
        if (published.Test && outcome is SignatureOutcome.Pass or SignatureOutcome.Fail or SignatureOutcome.OtherRecipients)
        {
            reason = outcome == SignatureOutcome.Pass ? $"good signature of the test key {published.Name}" : $"test key {published.Name}: {reason}";
            return SignatureOutcome.Test;
        }

        return outcome;
    }

    private static bool TryFindKey(KeySet keys, ReadOnlySpan<byte> name, out PublishedKey published)
    {
        foreach (var key in keys.Keys)
        {
            if (Ascii.EqualsIgnoreCase(name, key.Name))
            {
                published = key;
                return true;
            }
        }

        published = null!;
        return false;
    }

    // The cheap checks first, the public key last: a forger should not be able to make us calculate for nothing.
    private SignatureOutcome VerifyWith(PublishedKey published, in SignatureInput input, in HeaderField field, in SignatureTags tags, bool mailkey, out string reason)
    {
        if (published.Type != tags.Algorithm)
        {
            reason = $"key {published.Name} is not of the type that a= names";
            return SignatureOutcome.Fail;
        }

        reason = (mailkey ? MailkeyRules.CheckTimes(tags, input.Now) : DkimRules.CheckLength(tags) ?? DkimRules.CheckTimes(tags, input.Now)) ?? "";
        if (reason.Length > 0)
        {
            return SignatureOutcome.Fail;
        }

        var block = input.Headers;
        Span<Range> ranges = stackalloc Range[SignedNames.MaxNames];
        if (!SignedNames.TryParse(tags.SignedNames, ranges, out var names, out var syntax))
        {
            reason = syntax!;
            return SignatureOutcome.PermError;
        }

        // RFC 6376 §5.4: From MUST be signed.
        reason = names.CountOf("From"u8) == 0 ? "From is not signed" : (mailkey ? MailkeyRules.CheckSignedNames(block, names) : null) ?? "";
        if (reason.Length > 0)
        {
            return SignatureOutcome.Fail;
        }

        var isForOthers = false;
        if (mailkey && MailkeyRules.CheckEnvelope(tags, input.ReversePath, input.ForwardPaths, out var readable) is { } mismatch)
        {
            reason = mismatch;
            isForOthers = input.LooksBeyondRecipients && ReferenceEquals(mismatch, MailkeyRules.OtherRecipients);
            if (!isForOthers)
            {
                return readable ? SignatureOutcome.Fail : SignatureOutcome.PermError;
            }
        }

        var content = SignedContent.CheckBody(tags, input.Body, out reason);
        if (content != SignatureOutcome.Pass)
        {
            return content;
        }

        Span<byte> signature = stackalloc byte[SignedContent.MaxSignature];
        if (!SignedContent.TryReadSignature(tags, signature, out var length, out reason))
        {
            return SignatureOutcome.PermError;
        }

        if (!imported.TryGet(published, out var key, out var unusable))
        {
            reason = $"key {published.Name} is unusable: {unusable}";
            return SignatureOutcome.Fail;
        }

        if (!SignedContent.IsSignedWith(key, signature[..length], block, names, field, tags))
        {
            reason = $"key {published.Name} did not make this signature, or a signed field was changed";
            return SignatureOutcome.Fail;
        }

        if (isForOthers)
        {
            reason = $"signature of key {published.Name} is good, but {MailkeyRules.OtherRecipients}";
            return SignatureOutcome.OtherRecipients;
        }

        reason = $"good signature of key {published.Name}";
        return SignatureOutcome.Pass;
    }
}
