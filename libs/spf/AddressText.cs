namespace Mailkey.Spf;

/// <summary>Reads addresses as the grammar has them, without allocating; the system's parser takes more than RFC 7208 allows.</summary>
internal static class AddressText
{
    /// <summary>Dotted quad, four parts, no leading zeros (RFC 7208 §5.6: qnum).</summary>
    public static bool TryParseIp4(ReadOnlySpan<char> text, out UInt128 address)
    {
        address = 0;
        uint value = 0;
        var at = 0;
        for (var part = 0; part < 4; part++)
        {
            if (part > 0 && (at >= text.Length || text[at++] != '.'))
            {
                return false;
            }

            var start = at;
            var number = 0;
            while (at < text.Length && at - start < 3 && char.IsAsciiDigit(text[at]))
            {
                number = (number * 10) + (text[at++] - '0');
            }

            if (at == start || number > 255 || (text[start] == '0' && at - start > 1))
            {
                return false;
            }

            value = (value << 8) | (uint)number;
        }

        address = value;
        return at == text.Length;
    }

    /// <summary>The forms of RFC 4291 §2.2.</summary>
    public static bool TryParseIp6(ReadOnlySpan<char> text, out UInt128 address)
    {
        address = 0;
        UInt128 value = 0;
        var groups = 0;
        var gapAt = -1;
        var at = 0;
        while (at < text.Length)
        {
            if (text[at] == ':')
            {
                // "::" stands once; a single colon stands only between two groups.
                if (at + 1 < text.Length && text[at + 1] == ':' && gapAt < 0)
                {
                    gapAt = groups;
                    at += 2;
                    continue;
                }

                if (groups == 0 || gapAt == groups || at + 1 == text.Length || text[at + 1] == ':')
                {
                    return false;
                }

                at++;
            }
            else if (groups > 0 && gapAt != groups)
            {
                return false;
            }

            var start = at;
            uint group = 0;
            while (at < text.Length && at - start < 4 && char.IsAsciiHexDigit(text[at]))
            {
                group = (group << 4) | HexValue(text[at]);
                at++;
            }

            if (at < text.Length && text[at] == '.')
            {
                // The last 32 bits as dotted quad.
                if (groups > 6 || !TryParseIp4(text[start..], out var ip4))
                {
                    return false;
                }

                value = (value << 32) | ip4;
                groups += 2;
                at = text.Length;
                break;
            }

            if (at == start || ++groups > 8)
            {
                return false;
            }

            value = (value << 16) | group;
        }

        if (gapAt < 0)
        {
            address = value;
            return groups == 8;
        }

        // RFC 4291 §2.2: "::" stands for one or more groups.
        if (groups > 7)
        {
            return false;
        }

        var after = (groups - gapAt) * 16;
        var lower = after == 0 ? 0 : value & (UInt128.MaxValue >> (128 - after));
        var upper = gapAt == 0 ? 0 : (value >> after) << (128 - (gapAt * 16));
        address = upper | lower;
        return true;
    }
    private static uint HexValue(char digit) => (uint)(char.IsAsciiDigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
}
