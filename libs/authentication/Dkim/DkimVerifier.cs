using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Dns;
using Mailkey.Mime;

namespace Mailkey.Authentication.Dkim;

/// <summary>
/// Verifies DKIM-Signature fields (RFC 6376, RFC 8301, RFC 8463) with the keys that their own domains publish. It needs the hashes
/// of the body, never the body. Thread-safe.
/// </summary>
/// <remarks>
/// What can be said without a key is said first; then the keys of all signatures are asked for at the same time; the arithmetic
/// of the public key comes last.
/// </remarks>
public sealed class DkimVerifier(IDnsResolver resolver, TimeProvider time, VerifyKeyCache? imported = null, int maxLookUps = DkimVerifier.DefaultMaxLookUps)
{
    /// <summary>Look-ups of keys under way at the same time, where nobody says another number.</summary>
    public const int DefaultMaxLookUps = 300;

    /// <summary>Signatures of a message that are looked at, from the top down.</summary>
    public const int MaxSignatures = SignatureFields.MaxTried;

    /// <summary>Characters of b= that are told, where these are enough (RFC 6008 §4).</summary>
    public const int MinSignatureStart = 8;

    /// <summary>Characters of b= that are told at most: whoever copies a signature should not make us repeat all of it.</summary>
    public const int MaxSignatureStart = 40;

    private readonly DkimKeys keys = new(resolver, maxLookUps);
    private readonly VerifyKeyCache imported = imported ?? new VerifyKeyCache(VerifyKeyCache.DefaultCapacity, VerifyKey.MinDkimRsaBits);

    /// <summary>Verifies the signatures of a message.</summary>
    /// <param name="body">In the canonicalisations that <see cref="SignatureFields.CanonicalizationsAskedFor"/> names.</param>
    /// <param name="timeLimit">A signature whose key is not known by then is a temperror.</param>
    public async ValueTask<DkimFindings> VerifyAsync(HeaderBlock block, BodyDigests body, TimeSpan timeLimit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(block);
        var (pending, ignored) = Examine(block, body, time.GetUtcNow());
        if (pending.Length == 0)
        {
            return DkimFindings.None;
        }

        using var deadline = new CancellationTokenSource(timeLimit, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var found = new Task<DkimKeysFound>?[pending.Length];
        for (var i = 0; i < pending.Length; i++)
        {
            if (pending[i].KeyHost is { } host)
            {
                found[i] = keys.FindAsync(host, limit.Token, cancellationToken);
            }
        }

        var findings = new DkimFinding[pending.Length];
        for (var i = 0; i < pending.Length; i++)
        {
            findings[i] = found[i] is { } key ? Conclude(block, pending[i], await key.ConfigureAwait(false)) : pending[i].Finding;
        }

        Distinguish(findings);
        return new(findings, ignored);
    }

    private static (Pending[] Pending, int Ignored) Examine(HeaderBlock block, in BodyDigests body, DateTimeOffset now)
    {
        Span<int> indices = stackalloc int[MaxSignatures];
        var count = SignatureFields.SelectDkim(block, indices, out var ignored);
        var pending = count == 0 ? [] : new Pending[count];
        var problem = count == 0 ? null : HeaderIntegrity.Problem(block);
        for (var i = 0; i < count; i++)
        {
            pending[i] = Examine(block, block.Fields[indices[i]], problem, body, now);
        }

        return (pending, ignored);
    }

    private static Pending Examine(HeaderBlock block, in HeaderField field, string? problem, in BodyDigests body, DateTimeOffset now)
    {
        var finding = Describe(field.Value);
        if (!SignatureTags.TryParse(field.Value, mailkey: false, out var tags, out var syntax))
        {
            return Pending.Ended(finding, SignatureOutcome.PermError, syntax!);
        }

        if (problem is not null)
        {
            // Two readers may see two different messages in it, and the signature speaks of one.
            return Pending.Ended(finding, SignatureOutcome.PermError, problem);
        }

        if (finding.Domain.Length == 0 || !DomainName.TryNormalize(DkimKeyRecord.NameOf(finding.Selector, finding.Domain), out var host))
        {
            return Pending.Ended(finding, SignatureOutcome.PermError, "s= and d= are not the name of a key");
        }

        Span<Range> ranges = stackalloc Range[SignedNames.MaxNames];
        if (!SignedNames.TryParse(tags.SignedNames, ranges, out var names, out syntax))
        {
            return Pending.Ended(finding, SignatureOutcome.PermError, syntax!);
        }

        // RFC 6376 §6.1.1: From MUST be signed, and a signature that has expired is a PERMFAIL.
        if (names.CountOf("From"u8) == 0)
        {
            return Pending.Ended(finding, SignatureOutcome.PermError, "From is not signed");
        }

        if (DkimRules.CheckTimes(tags, now) is { } late)
        {
            return Pending.Ended(finding, SignatureOutcome.PermError, late);
        }

        if (DkimRules.CheckLength(tags) is { } partial)
        {
            return Pending.Ended(finding, SignatureOutcome.Policy, partial);
        }

        Span<byte> signature = stackalloc byte[SignedContent.MaxSignature];
        if (!SignedContent.TryReadSignature(tags, signature, out _, out var reason))
        {
            return Pending.Ended(finding, SignatureOutcome.PermError, reason);
        }

        // A changed body is not the end: a domain that only tests must not be blamed for it, and only its key says whether it does.
        var content = SignedContent.CheckBody(tags, body, out reason);
        return content is SignatureOutcome.PermError or SignatureOutcome.TempError
            ? Pending.Ended(finding, content, reason)
            : new(finding, field, host, content == SignatureOutcome.Pass ? null : reason);
    }

    private DkimFinding Conclude(HeaderBlock block, in Pending pending, in DkimKeysFound found)
    {
        if (found.Records.Count == 0)
        {
            return End(pending.Finding, found.IsFault ? SignatureOutcome.TempError : SignatureOutcome.PermError, found.Reason);
        }

        // Parsed a second time rather than kept: it points into the field, which a wait for the network does not allow.
        if (!SignatureTags.TryParse(pending.Field.Value, mailkey: false, out var tags, out _))
        {
            throw new UnreachableException();
        }

        DkimFinding? best = null;
        var bestOutcome = SignatureOutcome.Foreign;
        foreach (var record in found.Records)
        {
            var outcome = Try(record, block, pending, tags, out var reason, out var bits, out var fingerprint);
            var good = outcome == SignatureOutcome.Pass;
            if (record.IsTest)
            {
                // RFC 6376 §3.6.1: no other treatment than of unsigned mail, even should the signature fail.
                reason = good ? "good signature of a test key" : $"test key: {reason}";
                outcome = SignatureOutcome.Test;
            }

            if (good || best is null || outcome > bestOutcome)
            {
                bestOutcome = outcome;
                best = End(pending.Finding, outcome, reason) with { KeyBits = bits, Fingerprint = outcome == SignatureOutcome.Pass ? fingerprint : null };
                if (good)
                {
                    best = best with { SignsListId = SignsListId(block, tags), SignedAt = tags.Time >= 0 ? DateTimeOffset.FromUnixTimeSeconds(tags.Time) : null };
                }
            }

            if (good)
            {
                break;
            }
        }

        return best!;
    }

    // h= names the fields from the bottom up: as many as there are leave none that somebody else put on top.
    private static bool SignsListId(HeaderBlock block, in SignatureTags tags)
    {
        var count = block.Count("List-Id"u8);
        Span<Range> ranges = stackalloc Range[SignedNames.MaxNames];
        return count > 0 && SignedNames.TryParse(tags.SignedNames, ranges, out var names, out _) && names.CountOf("List-Id"u8) >= count;
    }

    private SignatureOutcome Try(
        DkimKeyRecord record, HeaderBlock block, in Pending pending, in SignatureTags tags, out string reason, out int? bits, out UInt128 fingerprint)
    {
        bits = null;
        fingerprint = default;
        reason = record.IsRevoked ? "the key is revoked"
            : record.Type != tags.Algorithm ? "the key is not of the type that a= names"
            : !record.AllowsSha256 ? "the key is not for SHA-256"
            : !record.IsForEmail ? "the key is not for mail"
            : record.ForbidsSubdomains && tags.IdentityIsBelow ? "the key does not allow i= below d="
            : "";
        if (reason.Length > 0)
        {
            return SignatureOutcome.PermError;
        }

        if (pending.BodyFailure is { } changed)
        {
            reason = changed;
            return SignatureOutcome.Fail;
        }

        if (!imported.TryGet(record.Type, record.Material, out var key, out var defect))
        {
            // RFC 8301 §3.2: a signature under a key that anybody can break is not valid. Longer ones are allowed, and not worth their time.
            reason = defect.Message;
            return defect.Kind switch
            {
                KeyDefectKind.TooShort => SignatureOutcome.Fail,
                KeyDefectKind.TooLong => SignatureOutcome.Policy,
                _ => SignatureOutcome.PermError,
            };
        }

        bits = key.Bits;
        Span<byte> signature = stackalloc byte[SignedContent.MaxSignature];
        Span<Range> ranges = stackalloc Range[SignedNames.MaxNames];
        if (!SignedContent.TryReadSignature(tags, signature, out var length, out _) || !SignedNames.TryParse(tags.SignedNames, ranges, out var names, out _))
        {
            throw new UnreachableException(); // both were read before the key was asked for
        }

        if (!SignedContent.IsSignedWith(key, signature[..length], block, names, pending.Field, tags))
        {
            reason = "the key did not make this signature, or a signed field was changed";
            return SignatureOutcome.Fail;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(signature[..length], hash);
        fingerprint = BinaryPrimitives.ReadUInt128BigEndian(hash);
        return SignatureOutcome.Pass;
    }

    private static DkimFinding Describe(ReadOnlySpan<byte> value)
    {
        if (!TagList.TryParse(value, out var list, out _))
        {
            return new() { Result = ResultWord.PermError };
        }

        var domain = DomainName.TryNormalize(Encoding.UTF8.GetString(list.ValueOf("d"u8)), out var normal) ? normal : "";
        return new()
        {
            Result = ResultWord.PermError,
            Domain = domain,
            Selector = Selector(list.ValueOf("s"u8)),
            Algorithm = SignatureTags.Printable(list.ValueOf("a"u8)),
            Identity = Identity(list, domain),
            SignatureStart = Unfolded(list.ValueOf("b"u8)),
        };
    }

    // RFC 8616 §5: s= may be written in U-labels as well.
    private static string Selector(ReadOnlySpan<byte> s) =>
        !Ascii.IsValid(s) && DomainName.TryNormalize(Encoding.UTF8.GetString(s), out var normal) ? normal : SignatureTags.Printable(s) ?? "";

    private static string? Identity(in TagList list, string domain)
    {
        if (!list.TryGet("i"u8, out var identity))
        {
            return domain.Length == 0 ? null : "@" + domain; // RFC 6376 §3.5
        }

        Span<byte> decoded = stackalloc byte[DkimQuotedPrintable.MaxLength];
        return DkimQuotedPrintable.TryDecode(identity.Value, decoded, out var length) ? SignatureTags.Printable(decoded[..length]) : null;
    }

    private static string? Unfolded(ReadOnlySpan<byte> b)
    {
        Span<char> text = stackalloc char[MaxSignatureStart];
        var length = 0;
        foreach (var octet in b)
        {
            if (octet is > (byte)' ' and <= (byte)'~')
            {
                text[length++] = (char)octet;
                if (length == text.Length)
                {
                    break;
                }
            }
        }

        return length == 0 ? null : new string(text[..length]);
    }

    // RFC 6008 §4: eight characters, or more where these are the same in two signatures.
    private static void Distinguish(DkimFinding[] findings)
    {
        var whole = Array.ConvertAll(findings, finding => finding.SignatureStart);
        for (var i = 0; i < findings.Length; i++)
        {
            if (whole[i] is not { } mine)
            {
                continue;
            }

            var length = MinSignatureStart;
            for (var other = 0; other < whole.Length; other++)
            {
                if (other != i && whole[other] is { } theirs && theirs != mine)
                {
                    length = Math.Max(length, mine.AsSpan().CommonPrefixLength(theirs) + 1);
                }
            }

            findings[i] = findings[i] with { SignatureStart = mine[..Math.Min(length, mine.Length)] };
        }
    }

    private static DkimFinding End(DkimFinding finding, SignatureOutcome outcome, string reason) => finding with
    {
        Result = outcome switch
        {
            SignatureOutcome.Pass => ResultWord.Pass,
            SignatureOutcome.Fail => ResultWord.Fail,
            SignatureOutcome.Policy => ResultWord.Policy,
            SignatureOutcome.Test => ResultWord.Neutral,
            SignatureOutcome.TempError => ResultWord.TempError,
            _ => ResultWord.PermError,
        },
        Reason = outcome == SignatureOutcome.Pass ? null : reason,
    };

    /// <summary>A signature of which all is known but the key.</summary>
    /// <param name="KeyHost">The name that is asked for the key; null when the finding is final without.</param>
    /// <param name="BodyFailure">Why it fails whatever the key; null when the body is the signed one.</param>
    private readonly record struct Pending(DkimFinding Finding, HeaderField Field, string? KeyHost, string? BodyFailure)
    {
        public static Pending Ended(DkimFinding finding, SignatureOutcome outcome, string reason) => new(End(finding, outcome, reason), default, null, null);
    }
}
