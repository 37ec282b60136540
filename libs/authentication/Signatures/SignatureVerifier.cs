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

    private enum Outcome
    {
        /// <summary>Not made for mailkey and this domain: as good as no signature.</summary>
        Foreign,
        PermError,

        /// <summary>Made with a test key, whether good or bad.</summary>
        Test,
        Fail,
        TempError,
        Pass,
    }

    /// <summary>Tries the first <see cref="SignatureFields.MaxTried"/> signatures until one is good.</summary>
    public SignatureVerdict Verify(in SignatureInput input, KeySet keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var block = input.Headers;
        if (block.Problem is { } problem)
        {
            // Two readers may see two different messages in it, and the signature speaks of one.
            return Refusal($"the header block is malformed: {problem}");
        }

        if (block.DuplicatedSingleton is { } duplicated)
        {
            return Refusal($"more than one {duplicated} field");
        }

        Span<int> indices = stackalloc int[SignatureFields.MaxTried];
        var count = SignatureFields.Select(block, indices, out var mailkey);
        if (count == 0)
        {
            return Refusal("no signature");
        }

        var domain = EnvelopeBinding.NormalizeDomain(input.Domain);
        var best = Outcome.Foreign;
        var bestIndex = 0;
        var bestReason = "";
        for (var i = 0; i < count; i++)
        {
            var outcome = VerifyOne(input, keys, domain, block.Fields[indices[i]], i < mailkey, out var reason);
            if (outcome > best || bestReason.Length == 0)
            {
                (best, bestIndex, bestReason) = (outcome, i, reason);
                if (outcome == Outcome.Pass)
                {
                    break;
                }
            }
        }

        if (best == Outcome.Foreign)
        {
            return Refusal(bestReason);
        }

        var (d, s) = SignatureTags.Names(block.Fields[indices[bestIndex]].Value);
        return new SignatureVerdict
        {
            Result = best switch
            {
                Outcome.Pass => ResultWord.Pass,
                Outcome.PermError => ResultWord.PermError,
                Outcome.TempError => ResultWord.TempError,
                // A domain that tests next to a key in earnest is still protected by that: else a forger would name the test key.
                Outcome.Test when TestsOnly(keys) => ResultWord.Neutral,
                _ => ResultWord.Fail,
            },
            Kind = bestIndex < mailkey ? SignatureKind.Mailkey : SignatureKind.Dkim,
            Domain = d,
            KeyName = s,
            Reason = bestReason,
        };
    }

    private static SignatureVerdict Refusal(string reason) => new() { Result = ResultWord.Fail, Reason = reason };

    private static bool TestsOnly(KeySet keys)
    {
        foreach (var key in keys.Keys)
        {
            if (key is { Status: KeyStatus.Active, Test: false })
            {
                return false;
            }
        }

        return true;
    }

    private Outcome VerifyOne(in SignatureInput input, KeySet keys, string domain, in HeaderField field, bool mailkey, out string reason)
    {
        var value = field.Value;
        if (!SignatureTags.TryParse(value, mailkey, out var tags, out var syntax))
        {
            reason = syntax!;
            return Outcome.PermError;
        }

        var d = EnvelopeBinding.NormalizeDomain(Encoding.UTF8.GetString(tags.Domain));
        if (mailkey ? d != domain : !DkimRules.Covers(d, domain))
        {
            reason = "no signature for this domain";
            return Outcome.Foreign;
        }

        if (!TryFindKey(keys, tags.KeyName, out var published))
        {
            // A domain may well sign by DKIM with keys that it does not list for mailkey.
            reason = $"key {SignatureTags.Printable(tags.KeyName)} is not in the key set";
            return mailkey ? Outcome.Fail : Outcome.Foreign;
        }

        if (published.Status != KeyStatus.Active)
        {
            reason = $"key {published.Name} is revoked";
            return Outcome.Fail;
        }

        var outcome = VerifyWith(published, input, field, tags, mailkey, out reason);
        if (published.Test && outcome is Outcome.Pass or Outcome.Fail)
        {
            reason = outcome == Outcome.Pass ? $"good signature of the test key {published.Name}" : $"test key {published.Name}: {reason}";
            return Outcome.Test;
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
    private Outcome VerifyWith(PublishedKey published, in SignatureInput input, in HeaderField field, in SignatureTags tags, bool mailkey, out string reason)
    {
        if (published.Type != tags.Algorithm)
        {
            reason = $"key {published.Name} is not of the type that a= names";
            return Outcome.Fail;
        }

        reason = (mailkey ? MailkeyRules.CheckTimes(tags, input.Now) : DkimRules.Check(tags, input.Now)) ?? "";
        if (reason.Length > 0)
        {
            return Outcome.Fail;
        }

        var block = input.Headers;
        Span<Range> ranges = stackalloc Range[SignedNames.MaxNames];
        if (!SignedNames.TryParse(tags.SignedNames, ranges, out var names, out var syntax))
        {
            reason = syntax!;
            return Outcome.PermError;
        }

        // RFC 6376 §5.4: From MUST be signed.
        reason = names.CountOf("From"u8) == 0 ? "From is not signed" : (mailkey ? MailkeyRules.CheckSignedNames(block, names) : null) ?? "";
        if (reason.Length > 0)
        {
            return Outcome.Fail;
        }

        if (mailkey && MailkeyRules.CheckEnvelope(tags, input.ReversePath, input.ForwardPaths, out var readable) is { } mismatch)
        {
            reason = mismatch;
            return readable ? Outcome.Fail : Outcome.PermError;
        }

        Span<byte> hash = stackalloc byte[BodyHasher.HashLength + 4];
        if (!Base64Value.TryDecode(tags.BodyHash, hash, out var length) || length != BodyHasher.HashLength)
        {
            reason = "bh= is not a SHA-256 in base64";
            return Outcome.PermError;
        }

        var body = input.Body[tags.BodyCanonicalization].Span;
        if (body.Length != BodyHasher.HashLength)
        {
            reason = "the body was not hashed in the form that c= asks for";
            return Outcome.TempError;
        }

        if (!hash[..length].SequenceEqual(body))
        {
            reason = "the body was changed after signing";
            return Outcome.Fail;
        }

        Span<byte> signature = stackalloc byte[(VerifyKey.MaxRsaBits / 8) + 4];
        if (!Base64Value.TryDecode(tags.Signature, signature, out length))
        {
            reason = "b= is not a signature in base64";
            return Outcome.PermError;
        }

        if (!imported.TryGet(published, out var key, out var unusable))
        {
            reason = $"key {published.Name} is unusable: {unusable}";
            return Outcome.Fail;
        }

        HeaderHasher.Hash(block, names, field, tags.CutStart, tags.CutEnd, tags.HeaderCanonicalization, hash);
        if (!key.VerifyHash(hash[..BodyHasher.HashLength], signature[..length]))
        {
            reason = $"key {published.Name} did not make this signature, or a signed field was changed";
            return Outcome.Fail;
        }

        reason = $"good signature of key {published.Name}";
        return Outcome.Pass;
    }
}
