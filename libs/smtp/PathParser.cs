namespace Mailkey.Smtp;

/// <summary>Paths in their brackets (RFC 5321 §4.1.2).</summary>
internal static class PathParser
{
    /// <summary>Reads <c>FROM:</c> or <c>TO:</c> and the path behind it.</summary>
    /// <param name="text">Arguments of the command.</param>
    /// <param name="keyword">The word before the colon.</param>
    /// <param name="position">On success behind the closing bracket.</param>
    /// <param name="mailbox">Null for <c>&lt;&gt;</c> and for a bare postmaster.</param>
    /// <param name="content">What stands between the brackets, behind a source route.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryRead(ReadOnlySpan<byte> text, ReadOnlySpan<byte> keyword, ref int position, out Mailbox? mailbox, out ReadOnlySpan<byte> content, out ArgumentError error)
    {
        mailbox = null;
        content = default;
        if (text.Length <= keyword.Length || text[keyword.Length] != (byte)':' || !System.Text.Ascii.EqualsIgnoreCase(text[..keyword.Length], keyword))
        {
            error = new(ArgumentFault.Syntax, 0, "FROM: or TO: expected");
            return false;
        }

        // RFC 5321 §3.3 allows no blank behind the colon, and old clients send one all the same; it can't mean anything else.
        position = keyword.Length + 1;
        while (position < text.Length && text[position] == (byte)' ')
        {
            position++;
        }

        if (position == text.Length || text[position] != (byte)'<')
        {
            error = new(ArgumentFault.Address, position, "< expected");
            return false;
        }

        position++;
        if (!TrySkipSourceRoute(text, ref position, out var syntax))
        {
            error = new(ArgumentFault.Address, syntax);
            return false;
        }

        var start = position;
        if (position < text.Length && text[position] == (byte)'>')
        {
            position++;
            error = default;
            return true;
        }

        var word = text[position..];
        var close = word.IndexOf((byte)'>');
        if (close > 0 && ForwardPath.IsPostmasterWord(word[..close]))
        {
            content = word[..close];
            position += close + 1;
            error = default;
            return true;
        }

        if (!Mailbox.TryRead(text, ref position, out mailbox, out syntax))
        {
            error = new(ArgumentFault.Address, syntax);
            return false;
        }

        if (position == text.Length || text[position] != (byte)'>')
        {
            mailbox = null;
            error = new(ArgumentFault.Address, position, "> expected");
            return false;
        }

        content = text[start..position];
        position++;
        error = default;
        return true;
    }

    // A-d-l = At-domain *( "," At-domain ); At-domain = "@" Domain
    // RFC 5321 §4.1.2: "MUST BE accepted, SHOULD NOT be generated, and SHOULD be ignored": the mail goes nowhere by it.
    private static bool TrySkipSourceRoute(ReadOnlySpan<byte> text, ref int position, out SyntaxError error)
    {
        error = default;
        if (position == text.Length || text[position] != (byte)'@')
        {
            return true;
        }

        var length = text[position..].IndexOf((byte)':');
        if (length < 0)
        {
            error = new(position, "source route expected");
            return false;
        }

        var route = text.Slice(position, length);
        foreach (var range in route.Split((byte)','))
        {
            var hop = route[range];
            if (hop.IsEmpty || hop[0] != (byte)'@' || !SmtpDomain.TryParse(hop[1..], out _, out error))
            {
                error = new(position, "source route expected");
                return false;
            }
        }

        position += length + 1;
        return true;
    }
}
