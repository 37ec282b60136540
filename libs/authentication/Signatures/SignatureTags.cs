using System.Buffers.Text;
using System.Text;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;

namespace Mailkey.Authentication.Signatures;

/// <summary>The tags of a signature field, checked one by one; the spans point into the field.</summary>
internal readonly ref struct SignatureTags
{
    public KeyType Algorithm { get; private init; }
    public Canonicalization HeaderCanonicalization { get; private init; }
    public Canonicalization BodyCanonicalization { get; private init; }

    /// <summary>d=</summary>
    public ReadOnlySpan<byte> Domain { get; private init; }

    /// <summary>s=</summary>
    public ReadOnlySpan<byte> KeyName { get; private init; }

    /// <summary>h=</summary>
    public ReadOnlySpan<byte> SignedNames { get; private init; }

    /// <summary>bh=, base64.</summary>
    public ReadOnlySpan<byte> BodyHash { get; private init; }

    /// <summary>b=, base64.</summary>
    public ReadOnlySpan<byte> Signature { get; private init; }

    /// <summary>mf= and rt=, base64; only a Mailkey-Signature has them.</summary>
    public ReadOnlySpan<byte> ReversePath { get; private init; }

    public ReadOnlySpan<byte> Recipients { get; private init; }

    /// <summary>t= and x=, seconds since 1970; -1 when absent.</summary>
    public long Time { get; private init; }

    public long Expiry { get; private init; }

    /// <summary>i= as it stands in the field, in dkim-quoted-printable; empty when absent.</summary>
    public ReadOnlySpan<byte> Identity { get; private init; }

    /// <summary>Whether the domain of i= is one below d=, which a key can forbid by t=s (RFC 6376 §3.6.1).</summary>
    public bool IdentityIsBelow { get; private init; }

    /// <summary>Whether there is an l= (RFC 6376 §3.5): text could follow the signed part.</summary>
    public bool HasLength { get; private init; }

    /// <summary>Where the value of b= lies in the value of the field, white space around it included: it is left out of what is signed (RFC 6376 §3.7).</summary>
    public int CutStart { get; private init; }

    public int CutEnd { get; private init; }

    /// <summary>Reads the tags that decide how the body is hashed, and nothing else.</summary>
    public static bool TryReadBodyCanonicalization(ReadOnlySpan<byte> value, out Canonicalization canonicalization)
    {
        canonicalization = default;
        return TagList.TryParse(value, out var list, out _) && TryReadAlgorithm(list.ValueOf("a"u8), out _) && !list.TryGet("l"u8, out _) &&
            TryReadCanonicalization(list, out _, out canonicalization);
    }

    /// <summary>d= and s= for a person, even of a field that is otherwise wrong.</summary>
    public static (string? Domain, string? KeyName) Names(ReadOnlySpan<byte> value) => TagList.TryParse(value, out var list, out _)
        ? (Printable(list.ValueOf("d"u8)), Printable(list.ValueOf("s"u8)))
        : (null, null);

    /// <summary>Reads a signature field. What RFC 6376 §3.5 and §6.1.1 call a PERMFAIL for syntax is an error here.</summary>
    /// <param name="mailkey">Whether it is a Mailkey-Signature, with its tags and its stricter grammar, or a DKIM-Signature.</param>
    /// <param name="error">One ASCII line.</param>
    public static bool TryParse(ReadOnlySpan<byte> value, bool mailkey, out SignatureTags tags, out string? error)
    {
        tags = default;
        if (!TagList.TryParse(value, out var list, out var listError))
        {
            error = listError.ToString();
            return false;
        }

        if (!list.TryGet("b"u8, out var signature))
        {
            error = "b= is missing";
            return false;
        }

        // RFC 8301 §3.1: rsa-sha1 MUST NOT be used for signing or verifying. Said before what else may be wrong: it is what ails nearly every old signature.
        if (list.ValueOf("a"u8).SequenceEqual("rsa-sha1"u8))
        {
            error = "rsa-sha1 is not accepted (RFC 8301)";
            return false;
        }

        var time = -1L;
        var expiry = -1L;
        if (!list.ValueOf("v"u8).SequenceEqual("1"u8))
        {
            error = "v= is not 1";
            return false;
        }

        if (!TryReadAlgorithm(list.ValueOf("a"u8), out var algorithm))
        {
            error = list.ValueOf("a"u8).IsEmpty ? "a= is missing" : "a= is not known";
            return false;
        }

        if (!TryReadCanonicalization(list, out var header, out var body))
        {
            error = "c= is neither simple nor relaxed";
            return false;
        }

        var below = false;
        error = list.ValueOf("d"u8).IsEmpty ? "d= is missing"
            : list.ValueOf("s"u8).IsEmpty ? "s= is missing"
            : list.ValueOf("h"u8).IsEmpty ? "h= is missing"
            : list.ValueOf("bh"u8).IsEmpty ? "bh= is missing"
            : signature.Value.IsEmpty ? "b= is empty"
            : !TryReadTime(list, "t"u8, ref time) ? "t= is not a time"
            : !TryReadTime(list, "x"u8, ref expiry) ? "x= is not a time"
            : time >= 0 && expiry >= 0 && expiry <= time ? "x= is not later than t="
            : mailkey ? MailkeyError(list, time)
            : DkimError(list, out below);
        if (error is not null)
        {
            return false;
        }

        // Behind the name there is only white space before the equals sign, and the value ends at a semicolon or at the end.
        var cutStart = signature.NameStart + value[signature.NameStart..].IndexOf((byte)'=') + 1;
        var semicolon = value[cutStart..].IndexOf((byte)';');
        tags = new SignatureTags
        {
            Algorithm = algorithm,
            HeaderCanonicalization = header,
            BodyCanonicalization = body,
            Domain = list.ValueOf("d"u8),
            KeyName = list.ValueOf("s"u8),
            SignedNames = list.ValueOf("h"u8),
            BodyHash = list.ValueOf("bh"u8),
            Signature = signature.Value,
            ReversePath = list.ValueOf("mf"u8),
            Recipients = list.ValueOf("rt"u8),
            Time = time,
            Expiry = expiry,
            Identity = list.ValueOf("i"u8),
            IdentityIsBelow = below,
            HasLength = list.TryGet("l"u8, out _),
            CutStart = cutStart,
            CutEnd = semicolon < 0 ? value.Length : cutStart + semicolon,
        };
        return true;
    }

    /// <summary>A name from the network for a log or a reply: printable ASCII, not long.</summary>
    public static string? Printable(ReadOnlySpan<byte> name)
    {
        const int Longest = 255;
        if (name.IsEmpty)
        {
            return null;
        }

        name = name.Length > Longest ? name[..Longest] : name;
        return name.IndexOfAnyExceptInRange((byte)0x21, (byte)0x7e) < 0 ? Encoding.ASCII.GetString(name) : Escape(name);
    }

    private static string Escape(ReadOnlySpan<byte> name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var octet in name)
        {
            text.Append(octet is >= 0x21 and <= 0x7e ? (char)octet : '?');
        }

        return text.ToString();
    }

    private static bool TryReadAlgorithm(ReadOnlySpan<byte> a, out KeyType type)
    {
        type = a.SequenceEqual("ed25519-sha256"u8) ? KeyType.Ed25519 : KeyType.Rsa;
        return type == KeyType.Ed25519 || a.SequenceEqual("rsa-sha256"u8);
    }

    private static bool TryReadCanonicalization(in TagList list, out Canonicalization header, out Canonicalization body)
    {
        // RFC 6376 §3.5: the default is simple/simple, and the second part alone defaults to simple.
        header = body = Canonicalization.Simple;
        if (!list.TryGet("c"u8, out var c))
        {
            return true;
        }

        var slash = c.Value.IndexOf((byte)'/');
        return TryRead(slash < 0 ? c.Value : c.Value[..slash], out header) && (slash < 0 || TryRead(c.Value[(slash + 1)..], out body));

        static bool TryRead(ReadOnlySpan<byte> word, out Canonicalization canonicalization)
        {
            canonicalization = word.SequenceEqual("relaxed"u8) ? Canonicalization.Relaxed : Canonicalization.Simple;
            return canonicalization == Canonicalization.Relaxed || word.SequenceEqual("simple"u8);
        }
    }

    private static bool TryReadTime(in TagList list, ReadOnlySpan<byte> name, ref long seconds)
    {
        // 1*12DIGIT (RFC 6376 §3.5)
        return !list.TryGet(name, out var tag) ||
            (tag.Value.Length is > 0 and <= 12 && tag.Value.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0 &&
                Utf8Parser.TryParse(tag.Value, out seconds, out var consumed) && consumed == tag.Value.Length);
    }

    private static string? MailkeyError(in TagList list, long time) =>
        list.TryGet("l"u8, out _) ? "l= is not allowed"
        : time < 0 ? "t= is missing"
        : !list.TryGet("mf"u8, out _) ? "mf= is missing"
        : !list.TryGet("rt"u8, out _) ? "rt= is missing"
        : !IsKeyName(list.ValueOf("s"u8)) ? "s= is not a key name"
        : null;

    private static bool IsKeyName(ReadOnlySpan<byte> s)
    {
        foreach (var octet in s)
        {
            if (octet is not ((>= (byte)'a' and <= (byte)'z') or (>= (byte)'0' and <= (byte)'9') or (byte)'-'))
            {
                return false;
            }
        }

        return s.Length is > 0 and <= 63;
    }

    private static string? DkimError(in TagList list, out bool below)
    {
        below = false;
        if (list.TryGet("i"u8, out var identity) && !IsWithin(identity.Value, list.ValueOf("d"u8), out below))
        {
            return "i= is not within d=";
        }

        // RFC 6376 §3.5: 1*76DIGIT. What it says is of no interest: no part of a body is enough.
        if (list.TryGet("l"u8, out var length) && (length.Value.Length is 0 or > 76 || length.Value.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0))
        {
            return "l= is not a number";
        }

        if (list.TryGet("q"u8, out var query))
        {
            // RFC 6376 §3.5: a list of methods, of which dns/txt is the only one that exists.
            foreach (var range in query.Value.Split((byte)':'))
            {
                if (Ascii.EqualsIgnoreCase(query.Value[range].Trim(" \t\r\n"u8), "dns/txt"u8))
                {
                    return null;
                }
            }

            return "q= names no known method";
        }

        return null;
    }

    // RFC 6376 §6.1.1: the domain of i= is d= or below it.
    private static bool IsWithin(ReadOnlySpan<byte> identity, ReadOnlySpan<byte> d, out bool below)
    {
        below = false;
        Span<byte> decoded = stackalloc byte[DkimQuotedPrintable.MaxLength];
        if (!DkimQuotedPrintable.TryDecode(identity, decoded, out var length))
        {
            return false;
        }

        var at = decoded[..length].LastIndexOf((byte)'@');
        if (at < 0)
        {
            return false;
        }

        var domain = decoded[(at + 1)..length];
        if (!Ascii.IsValid(domain) || !Ascii.IsValid(d))
        {
            // RFC 8616 §5: either may be written in U-labels.
            var (above, name) = (EnvelopeBinding.NormalizeDomain(Encoding.UTF8.GetString(d)), EnvelopeBinding.NormalizeDomain(Encoding.UTF8.GetString(domain)));
            below = name.Length > above.Length;
            return DkimRules.Covers(above, name);
        }

        below = domain.Length > d.Length;
        return domain.Length >= d.Length && Ascii.EqualsIgnoreCase(domain[^d.Length..], d) && (!below || domain[^(d.Length + 1)] == '.');
    }
}
