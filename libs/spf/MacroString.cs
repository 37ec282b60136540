using System.Text;

namespace Mailkey.Spf;

/// <summary>Where a macro-string stands: that decides which letters it may use (RFC 7208 §7.2).</summary>
internal enum MacroContext
{
    /// <summary>A domain-spec: c, r and t are not allowed.</summary>
    Domain,

    /// <summary>A modifier nobody knows: any letter.</summary>
    UnknownModifier,

    /// <summary>The text of an explanation: any letter, and spaces.</summary>
    Explanation,
}

/// <summary>Reads and expands macros (RFC 7208 §7).</summary>
/// <remarks><code>
/// macro-string = *( macro-expand / macro-literal )
/// macro-expand = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-"
/// transformers = *DIGIT [ "r" ]
/// delimiter    = "." / "-" / "+" / "," / "/" / "_" / "="
/// </code></remarks>
internal static class MacroString
{
    private const string Delimiters = ".-+,/_=";

    // The delimiter that holds when none is given: the first one.
    private const byte JustDot = 1;

    // More parts than a value has are all parts; so counting stops here.
    private const int ManyParts = 1000;

    /// <summary>Whether the text is a macro-string.</summary>
    /// <param name="endsInMacro">Whether a macro-expand is the last of it.</param>
    public static bool TryCheck(ReadOnlySpan<char> text, MacroContext context, out bool endsInMacro, out SpfSyntaxError error)
    {
        error = default;
        endsInMacro = false;
        var at = 0;
        while (at < text.Length)
        {
            if (text[at] != '%')
            {
                if (!char.IsBetween(text[at], context == MacroContext.Explanation ? ' ' : '!', '~'))
                {
                    error = new(at, "character that is not visible");
                    return false;
                }

                at++;
                endsInMacro = false;
                continue;
            }

            if (!TryReadMacro(text, ref at, context, out _, out error))
            {
                return false;
            }

            endsInMacro = true;
        }

        return true;
    }

    /// <summary>Whether a checked text has a macro of one of these letters, given in lower case.</summary>
    public static bool Uses(ReadOnlySpan<char> text, ReadOnlySpan<char> letters)
    {
        for (var i = text.IndexOf('%'); i >= 0 && i + 2 < text.Length;)
        {
            if (text[i + 1] == '{' && letters.Contains((char)(text[i + 2] | 0x20)))
            {
                return true;
            }

            var next = text[(i + 2)..].IndexOf('%');
            i = next < 0 ? -1 : i + 2 + next;
        }

        return false;
    }

    /// <summary>Expands a checked text.</summary>
    public static void Expand(ReadOnlySpan<char> text, MacroValues values, ref MacroOutput output)
    {
        var at = 0;
        while (at < text.Length && !output.IsFull)
        {
            var literal = text[at..].IndexOf('%');
            if (literal != 0)
            {
                var run = literal < 0 ? text[at..] : text.Slice(at, literal);
                output.Append(run);
                at += run.Length;
                continue;
            }

            if (!TryReadMacro(text, ref at, MacroContext.Explanation, out var macro, out _))
            {
                return; // was checked before
            }

            switch (macro.Letter)
            {
                case '%':
                    output.Append('%');
                    break;
                case '_':
                    output.Append(' ');
                    break;
                case '-':
                    output.Append("%20");
                    break;
                default:
                    AppendValue(values.Of(macro.Letter), macro, ref output);
                    break;
            }
        }
    }

    private static bool TryReadMacro(ReadOnlySpan<char> text, ref int at, MacroContext context, out Macro macro, out SpfSyntaxError error)
    {
        macro = default;
        error = default;
        var start = at++;
        if (at < text.Length && text[at] is '%' or '_' or '-')
        {
            macro = new() { Letter = text[at++] };
            return true;
        }

        if (at + 1 >= text.Length || text[at] != '{')
        {
            error = new(start, "percent sign without a macro");
            return false;
        }

        var letter = text[++at];
        var lower = (char)(letter | 0x20);
        if (!char.IsAsciiLetter(letter) || lower is not ('s' or 'l' or 'o' or 'd' or 'i' or 'p' or 'v' or 'h' or 'c' or 'r' or 't'))
        {
            error = new(at, "unknown macro");
            return false;
        }

        if (context == MacroContext.Domain && lower is 'c' or 'r' or 't')
        {
            error = new(at, "macro that only an explanation may use");
            return false;
        }

        at++;
        var digits = at;
        var parts = 0;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            parts = Math.Min(ManyParts, (parts * 10) + (text[at++] - '0'));
        }

        if (at > digits && parts == 0)
        {
            error = new(digits, "zero parts"); // RFC 7208 §7.3
            return false;
        }

        var reverse = at < text.Length && text[at] is 'r' or 'R';
        at += reverse ? 1 : 0;
        byte delimiters = 0;
        int delimiter;
        while (at < text.Length && (delimiter = Delimiters.IndexOf(text[at], StringComparison.Ordinal)) >= 0)
        {
            delimiters |= (byte)(1 << delimiter);
            at++;
        }

        if (at >= text.Length || text[at] != '}')
        {
            error = new(at, "macro without end");
            return false;
        }

        at++;
        macro = new()
        {
            Letter = lower,
            IsEscaped = letter != lower,
            Parts = parts,
            IsReversed = reverse,
            Delimiters = delimiters == 0 ? JustDot : delimiters, // RFC 7208 §7.3: a dot unless something else is given
        };
        return true;
    }

    // RFC 7208 §7.3: split at the delimiters, reverse, keep the rightmost parts, join with dots.
    private static void AppendValue(ReadOnlySpan<char> value, Macro macro, ref MacroOutput output)
    {
        if (macro.Parts > 0)
        {
            value = macro.IsReversed ? FirstParts(value, macro) : LastParts(value, macro);
        }

        if (!macro.IsReversed)
        {
            for (var start = 0; ;)
            {
                var length = FirstDelimiter(value[start..], macro.Delimiters);
                AppendPart(length < 0 ? value[start..] : value.Slice(start, length), start > 0, macro, ref output);
                if (length < 0)
                {
                    return;
                }

                start += length + 1;
            }
        }

        var end = value.Length;
        while (true)
        {
            var start = LastDelimiter(value[..end], macro.Delimiters) + 1;
            AppendPart(value[start..end], end < value.Length, macro, ref output);
            if (start == 0)
            {
                return;
            }

            end = start - 1;
        }
    }

    private static ReadOnlySpan<char> FirstParts(ReadOnlySpan<char> value, Macro macro)
    {
        var end = -1;
        for (var part = 0; part < macro.Parts; part++)
        {
            var length = FirstDelimiter(value[(end + 1)..], macro.Delimiters);
            if (length < 0)
            {
                return value;
            }

            end += length + 1;
        }

        return value[..end];
    }

    private static ReadOnlySpan<char> LastParts(ReadOnlySpan<char> value, Macro macro)
    {
        var start = value.Length;
        for (var part = 0; part < macro.Parts; part++)
        {
            start = LastDelimiter(value[..start], macro.Delimiters);
            if (start < 0)
            {
                return value;
            }
        }

        return value[(start + 1)..];
    }

    private static int FirstDelimiter(ReadOnlySpan<char> value, byte delimiters)
    {
        if (delimiters == JustDot)
        {
            return value.IndexOf('.');
        }

        for (var i = 0; i < value.Length; i++)
        {
            if (IsDelimiter(value[i], delimiters))
            {
                return i;
            }
        }

        return -1;
    }

    private static int LastDelimiter(ReadOnlySpan<char> value, byte delimiters)
    {
        var i = value.Length - 1;
        while (i >= 0 && !IsDelimiter(value[i], delimiters))
        {
            i--;
        }

        return i;
    }

    private static bool IsDelimiter(char c, byte delimiters) => Delimiters.IndexOf(c, StringComparison.Ordinal) is >= 0 and var index && (delimiters >> index & 1) != 0;

    private static void AppendPart(ReadOnlySpan<char> part, bool afterDot, Macro macro, ref MacroOutput output)
    {
        if (afterDot)
        {
            output.Append('.');
        }

        if (!macro.IsEscaped)
        {
            output.Append(part);
            return;
        }

        Span<byte> octets = stackalloc byte[4];
        foreach (var rune in part.EnumerateRunes())
        {
            if (rune.IsAscii && (char.IsAsciiLetterOrDigit((char)rune.Value) || rune.Value is '-' or '.' or '_' or '~'))
            {
                output.Append((char)rune.Value);
                continue;
            }

            foreach (var octet in octets[..rune.EncodeToUtf8(octets)])
            {
                output.Append('%');
                output.Append("0123456789ABCDEF"[octet >> 4]);
                output.Append("0123456789ABCDEF"[octet & 0xF]);
            }
        }
    }

    private readonly struct Macro
    {
        /// <summary>Lower case; or %, _ or - for what these stand for.</summary>
        public char Letter { get; init; }

        /// <summary>Written in upper case: URL-escaped.</summary>
        public bool IsEscaped { get; init; }

        /// <summary>How many parts are kept; 0: all.</summary>
        public int Parts { get; init; }

        public bool IsReversed { get; init; }

        /// <summary>A bit for each of the delimiters.</summary>
        public byte Delimiters { get; init; }
    }
}
