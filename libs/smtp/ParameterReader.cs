using System.Text;

namespace Mailkey.Smtp;

/// <summary>The parameters behind the path of MAIL and RCPT, one after the other.</summary>
internal ref struct ParameterReader(ReadOnlySpan<byte> text, int position)
{
    private readonly ReadOnlySpan<byte> text = text;

    /// <summary>Offset of the next parameter, or of what is wrong.</summary>
    public int Position { get; private set; } = position;

    /// <summary>Whether all of the text has been read.</summary>
    public readonly bool IsAtEnd => Position == text.Length;

    // esmtp-param = esmtp-keyword ["=" esmtp-value]
    // esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
    // esmtp-value = 1*(%d33-60 / %d62-126)            RFC 6531 §3.3 adds UTF8-non-ascii
    public bool TryRead(out ReadOnlySpan<byte> keyword, out ReadOnlySpan<byte> value, out bool hasValue)
    {
        keyword = value = default;
        hasValue = false;

        // Mail-parameters follow one SP; more of them are harmless.
        if (text[Position] != (byte)' ')
        {
            return false;
        }

        while (Position < text.Length && text[Position] == (byte)' ')
        {
            Position++;
        }

        var parameter = text[Position..];
        var length = parameter.IndexOf((byte)' ');
        parameter = length < 0 ? parameter : parameter[..length];
        var equals = parameter.IndexOf((byte)'=');
        hasValue = equals >= 0;
        keyword = hasValue ? parameter[..equals] : parameter;
        value = hasValue ? parameter[(equals + 1)..] : default;
        if (keyword.IsEmpty || keyword[0] == (byte)'-' || (hasValue && value.IsEmpty))
        {
            return false;
        }

        foreach (var octet in keyword)
        {
            if (!char.IsAsciiLetterOrDigit((char)octet) && octet != (byte)'-')
            {
                return false;
            }
        }

        foreach (var octet in value)
        {
            if (octet is < 33 or 127 or (byte)'=')
            {
                return false;
            }
        }

        if (!Utf8Text.IsAcceptable(value))
        {
            return false;
        }

        Position += parameter.Length;
        return true;
    }

    public static bool Is(ReadOnlySpan<byte> keyword, ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(keyword, name);

    /// <summary>Checks xtext whose decoded form reaches reports: nothing but printable ASCII and blanks (RFC 3461 §4.4).</summary>
    public static bool IsPrintableXtext(ReadOnlySpan<byte> value)
    {
        if (!Xtext.IsValid(value))
        {
            return false;
        }

        // An escaped control is 00 to 1F, or 7F; what is escaped beyond ASCII is UTF-8 (RFC 6533 §3) and judged where it is decoded.
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == (byte)'+' && (value[i + 1] is (byte)'0' or (byte)'1' || (value[i + 1] == (byte)'7' && value[i + 2] == (byte)'F')))
            {
                return false;
            }
        }

        return true;
    }
}
