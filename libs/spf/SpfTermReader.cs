using System.Buffers;
using System.Globalization;

namespace Mailkey.Spf;

/// <summary>Reads one term after another (RFC 7208 §12).</summary>
internal static class SpfTermReader
{
    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    private static readonly SearchValues<char> Visible = SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(c => (char)c)]);

    /// <summary>Reads the next term.</summary>
    /// <returns>False at the end of the record, where the error has no message, and where it is malformed.</returns>
    public static bool TryRead(ReadOnlySpan<char> record, ref int at, out SpfTerm term, out SpfSyntaxError error)
    {
        term = default;
        error = default;
        var skipped = record[at..].IndexOfAnyExcept(' ');
        if (skipped < 0)
        {
            at = record.Length;
            return false;
        }

        var start = at + skipped;
        var length = record[start..].IndexOf(' ');
        var text = length < 0 ? record[start..] : record.Slice(start, length);
        at = start + text.Length;

        // RFC 7208 §3.1: ASCII; and only spaces separate terms, so nothing else that is not visible may stand in one.
        var odd = text.IndexOfAnyExcept(Visible);
        if (odd >= 0)
        {
            error = new(start + odd, string.Create(CultureInfo.InvariantCulture, $"character {(int)text[odd]}"));
            return false;
        }

        return TryReadTerm(text, start, out term, out error);
    }

    // directive = [ qualifier ] mechanism;  modifier = name "=" ...
    private static bool TryReadTerm(ReadOnlySpan<char> text, int start, out SpfTerm term, out SpfSyntaxError error)
    {
        var qualifier = text[0] switch
        {
            '+' => SpfVerdict.Pass,
            '-' => SpfVerdict.Fail,
            '~' => SpfVerdict.SoftFail,
            '?' => SpfVerdict.Neutral,
            _ => SpfVerdict.None,
        };
        var qualified = qualifier != SpfVerdict.None ? 1 : 0;
        var nameEnd = text[qualified..].IndexOfAny(':', '/', '=');
        nameEnd = nameEnd < 0 ? text.Length : nameEnd + qualified;
        var name = text[qualified..nameEnd];
        var parsed = new SpfTerm
        {
            Qualifier = qualified == 0 ? SpfVerdict.Pass : qualifier,
            Start = start,
            Length = text.Length,
            Ip4Prefix = SpfTerm.Ip4Bits,
            Ip6Prefix = SpfTerm.Ip6Bits,
        };
        if (nameEnd < text.Length && text[nameEnd] == '=')
        {
            term = default;
            if (qualified == 1)
            {
                error = new(start, "modifier with a qualifier");
                return false;
            }

            return TryReadModifier(text, name, parsed, out term, out error);
        }

        var kind = name.Length > "include".Length ? SpfTermKind.UnknownModifier
            : Is(name, "ip4") ? SpfTermKind.Ip4
            : Is(name, "include") ? SpfTermKind.Include
            : Is(name, "a") ? SpfTermKind.A
            : Is(name, "mx") ? SpfTermKind.Mx
            : Is(name, "all") ? SpfTermKind.All
            : Is(name, "ip6") ? SpfTermKind.Ip6
            : Is(name, "exists") ? SpfTermKind.Exists
            : Is(name, "ptr") ? SpfTermKind.Ptr
            : SpfTermKind.UnknownModifier;
        return TryReadMechanism(text, nameEnd, parsed, kind, out term, out error);
    }

    private static bool Is(ReadOnlySpan<char> name, string keyword) => name.Equals(keyword, StringComparison.OrdinalIgnoreCase);

    private static bool TryReadMechanism(ReadOnlySpan<char> text, int nameEnd, SpfTerm parsed, SpfTermKind kind, out SpfTerm term, out SpfSyntaxError error)
    {
        term = default;
        parsed = parsed with { Kind = kind };
        var hasArgument = nameEnd < text.Length && text[nameEnd] == ':';
        switch (kind)
        {
            case SpfTermKind.UnknownModifier:
                error = new(parsed.Start, "unknown mechanism");
                return false;
            case SpfTermKind.All when nameEnd < text.Length:
                error = new(parsed.Start + nameEnd, "all takes no argument");
                return false;
            case SpfTermKind.All:
                error = default;
                term = parsed;
                return true;
            case SpfTermKind.Include or SpfTermKind.Exists or SpfTermKind.Ip4 or SpfTermKind.Ip6 when !hasArgument:
                error = new(parsed.Start + nameEnd, "argument missing");
                return false;
            case SpfTermKind.Ptr when nameEnd < text.Length && !hasArgument:
                error = new(parsed.Start + nameEnd, "ptr takes no prefix length");
                return false;
            case SpfTermKind.Ip4 or SpfTermKind.Ip6:
                return TryReadNetwork(text, nameEnd + 1, parsed, out term, out error);
        }

        var end = text.Length;
        if (kind is SpfTermKind.A or SpfTermKind.Mx && !TryReadPrefixes(text, nameEnd, ref end, ref parsed, out error))
        {
            return false;
        }

        if (!hasArgument)
        {
            if (end != nameEnd)
            {
                error = new(parsed.Start + nameEnd, "neither domain nor prefix length");
                return false;
            }

            error = default;
            term = parsed;
            return true;
        }

        return TryReadDomain(text, nameEnd + 1, end, parsed, out term, out error);
    }

    // ip4 = "ip4" ":" ip4-network [ ip4-cidr-length ];  ip6 likewise
    private static bool TryReadNetwork(ReadOnlySpan<char> text, int from, SpfTerm parsed, out SpfTerm term, out SpfSyntaxError error)
    {
        term = default;
        var isIp4 = parsed.Kind == SpfTermKind.Ip4;
        var slash = text[from..].IndexOf('/');
        var address = slash < 0 ? text[from..] : text.Slice(from, slash);
        UInt128 network = 0;
        if (!(isIp4 ? AddressText.TryParseIp4(address, out network) : AddressText.TryParseIp6(address, out network)))
        {
            error = new(parsed.Start + from, isIp4 ? "not an IPv4 address" : "not an IPv6 address");
            return false;
        }

        var most = isIp4 ? SpfTerm.Ip4Bits : SpfTerm.Ip6Bits;
        var prefix = most;
        if (slash >= 0 && !TryReadPrefix(text[(from + slash + 1)..], most, out prefix))
        {
            error = new(parsed.Start + from + slash, "bad prefix length");
            return false;
        }

        error = default;
        term = parsed with { Network = network, Ip4Prefix = isIp4 ? prefix : parsed.Ip4Prefix, Ip6Prefix = isIp4 ? parsed.Ip6Prefix : prefix };
        return true;
    }

    // dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ]. Read from the end: the domain before it may have slashes too,
    // but it never ends in a slash and digits, because its last label is not all digits.
    private static bool TryReadPrefixes(ReadOnlySpan<char> text, int from, ref int end, ref SpfTerm parsed, out SpfSyntaxError error)
    {
        error = default;
        var slash = SlashBeforeDigits(text, from, end);
        if (slash > from && text[slash - 1] == '/')
        {
            if (!TryReadPrefix(text[(slash + 1)..end], SpfTerm.Ip6Bits, out var ip6))
            {
                error = new(parsed.Start + slash, "bad prefix length for IPv6");
                return false;
            }

            parsed = parsed with { Ip6Prefix = ip6 };
            end = slash - 1;
            slash = SlashBeforeDigits(text, from, end);
        }

        if (slash >= 0)
        {
            if (!TryReadPrefix(text[(slash + 1)..end], SpfTerm.Ip4Bits, out var ip4))
            {
                error = new(parsed.Start + slash, "bad prefix length for IPv4");
                return false;
            }

            parsed = parsed with { Ip4Prefix = ip4 };
            end = slash;
        }

        return true;
    }

    private static int SlashBeforeDigits(ReadOnlySpan<char> text, int from, int end)
    {
        var last = text[from..end].LastIndexOfAnyExceptInRange('0', '9');
        return last >= 0 && text[from + last] == '/' ? from + last : -1;
    }

    // "/" ( "0" / %x31-39 0*2DIGIT ): no leading zeros
    private static bool TryReadPrefix(ReadOnlySpan<char> digits, int most, out int prefix)
    {
        prefix = 0;
        return digits.Length is > 0 and <= 3 && (digits[0] != '0' || digits.Length == 1)
            && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out prefix) && prefix <= most;
    }

    // modifier = redirect / explanation / unknown-modifier;  name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
    private static bool TryReadModifier(ReadOnlySpan<char> text, ReadOnlySpan<char> name, SpfTerm parsed, out SpfTerm term, out SpfSyntaxError error)
    {
        term = default;
        if (name.IsEmpty || !char.IsAsciiLetter(name[0]) || name.ContainsAnyExcept(NameCharacters))
        {
            error = new(parsed.Start, "not a name of a modifier");
            return false;
        }

        var from = name.Length + 1;
        if (Is(name, "redirect"))
        {
            return TryReadDomain(text, from, text.Length, parsed with { Kind = SpfTermKind.Redirect }, out term, out error);
        }

        if (Is(name, "exp"))
        {
            return TryReadDomain(text, from, text.Length, parsed with { Kind = SpfTermKind.Explanation }, out term, out error);
        }

        if (!MacroString.TryCheck(text[from..], MacroContext.UnknownModifier, out _, out var problem))
        {
            error = new(parsed.Start + from + problem.Position, problem.Message);
            return false;
        }

        error = default;
        term = parsed with { Kind = SpfTermKind.UnknownModifier };
        return true;
    }

    // domain-spec = macro-string domain-end;  domain-end = ( "." toplabel [ "." ] ) / macro-expand
    private static bool TryReadDomain(ReadOnlySpan<char> text, int from, int end, SpfTerm parsed, out SpfTerm term, out SpfSyntaxError error)
    {
        term = default;
        var domain = text[from..end];
        if (domain.IsEmpty)
        {
            error = new(parsed.Start + from, "domain missing");
            return false;
        }

        if (domain.Length > SpfLimits.DomainSpec)
        {
            error = new(parsed.Start + from, "domain too long");
            return false;
        }

        if (!MacroString.TryCheck(domain, MacroContext.Domain, out var endsInMacro, out var problem))
        {
            error = new(parsed.Start + from + problem.Position, problem.Message);
            return false;
        }

        if (!endsInMacro && !EndsInTopLabel(domain))
        {
            error = new(parsed.Start + from, "domain does not end in a top label");
            return false;
        }

        error = default;
        term = parsed with { DomainStart = parsed.Start + from, DomainLength = domain.Length };
        return true;
    }

    // toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
    private static bool EndsInTopLabel(ReadOnlySpan<char> domain)
    {
        domain = domain[^1] == '.' ? domain[..^1] : domain;
        var start = domain.Length;
        var onlyDigits = true;
        while (start > 0 && (char.IsAsciiLetterOrDigit(domain[start - 1]) || domain[start - 1] == '-'))
        {
            onlyDigits &= char.IsAsciiDigit(domain[--start]);
        }

        // The dot before it is a literal one: a dot inside of a macro is followed by its closing brace.
        return start < domain.Length && start > 0 && domain[start - 1] == '.' && !onlyDigits && domain[start] != '-' && domain[^1] != '-';
    }
}
