using System.Buffers;
using System.Globalization;
using System.Text;

namespace Mailkey.Mime;

/// <summary>One resinfo of an Authentication-Results field (RFC 8601 §2.2).</summary>
/// <param name="Method">Such as <c>mailkey</c>, <c>dkim</c> or <c>spf</c>; a Keyword.</param>
/// <param name="Result">The result word: pass, fail, neutral, none, policy, temperror, permerror.</param>
public sealed record AuthenticationResult(string Method, string Result)
{
    /// <summary>Why, for a person; null for none.</summary>
    public string? Reason { get; init; }

    /// <summary>Properties such as (<c>smtp.mailfrom</c>, <c>example.org</c>), in order.</summary>
    public IReadOnlyList<(string Property, string Value)> Properties { get; init; } = [];
}

/// <summary>The Authentication-Results field (RFC 8601): writes ours, and tells which fields of others pretend to be ours.</summary>
public static class AuthenticationResults
{
    /// <summary>Longest value that is written; what goes beyond is cut off. Values come from the network.</summary>
    public const int MaxValueLength = 320;

    /// <summary>Longest line that is written where there is a place to fold, in octets without CRLF (RFC 5322 §2.1.1).</summary>
    public const int MaxLineLength = 998;

    private static ReadOnlySpan<byte> FieldName => "Authentication-Results"u8;

    // Our own trace beyond RFC 8601: a mail host acts on these fields.
    private static ReadOnlySpan<byte> OwnPrefix => "X-Mailkey-"u8;

    /// <summary>Formats results without the authserv-id: <c>mailkey=pass smtp.mailfrom=example.org; spf=none</c>, or <c>none</c>.</summary>
    public static string Format(IReadOnlyList<AuthenticationResult> results)
    {
        ArgumentNullException.ThrowIfNull(results);
        if (results.Count == 0)
        {
            return "none";
        }

        var text = new StringBuilder(128);
        foreach (var result in results)
        {
            text.Append(text.Length == 0 ? "" : "; ").Append(Keyword(result.Method)).Append('=').Append(Keyword(result.Result));
            if (result.Reason is { Length: > 0 } reason)
            {
                text.Append(" reason=");
                AppendValue(text, reason, alwaysQuoted: true);
            }

            foreach (var (property, value) in result.Properties)
            {
                text.Append(' ').Append(Keyword(property)).Append('=');
                AppendValue(text, value, alwaysQuoted: false);
            }
        }

        return text.ToString();
    }

    /// <summary>
    /// Writes a whole field with its CRLF, folded before each result and where a line would become longer than
    /// <see cref="MaxLineLength"/>.
    /// </summary>
    /// <param name="authservId">Name of the host that vouches for the results.</param>
    /// <param name="results">What <see cref="Format"/> made.</param>
    /// <param name="room">
    /// Octets that the field may have. The results that do not fit are left out, from the first of them on; strangers fill them. When none
    /// fits the field says that there is none.
    /// </param>
    public static void WriteField(IBufferWriter<byte> output, string authservId, string results, int room = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(results);
        var text = new StringBuilder(256).Append("Authentication-Results: ");
        AppendValue(text, authservId, alwaysQuoted: false);
        text.Append(';');
        var bare = text.Length;
        var whole = bare;
        var octets = (long)Encoding.UTF8.GetByteCount(text.ToString()) + "\r\n".Length;
        var line = 0;
        var begins = true;
        for (var rest = string.Create(results.Length, results, ToPrintable).AsSpan(); rest.Length > 0;)
        {
            var word = FirstWord(rest, out var isLast);
            rest = rest[Math.Min(word.Length + 1, rest.Length)..];
            var size = Encoding.UTF8.GetByteCount(word);
            var folds = begins || line + 1 + size > MaxLineLength;
            text.Append(folds ? "\r\n\t" : " ").Append(word);
            line = (folds ? 0 : line) + 1 + size;
            octets += (folds ? 3 : 1) + size;
            begins = isLast;
            if (isLast || rest.IsEmpty)
            {
                if (octets - (isLast ? 1 : 0) > room)
                {
                    break;
                }

                whole = text.Length;
            }
        }

        // What ends the results is no semicolon.
        text.Length = whole > bare && text[whole - 1] == ';' ? whole - 1 : whole;
        text.Append(whole == bare ? " none\r\n" : "\r\n");
        Encoding.UTF8.GetBytes(text.ToString(), output);
    }

    // Up to the next space outside of quotes; the last word of a result ends with its semicolon.
    private static ReadOnlySpan<char> FirstWord(ReadOnlySpan<char> text, out bool isLast)
    {
        var quoted = false;
        var i = 0;
        for (; i < text.Length && (quoted || text[i] != ' '); i++)
        {
            if (quoted && text[i] == '\\')
            {
                i++;
            }
            else
            {
                quoted ^= text[i] == '"';
            }
        }

        i = Math.Min(i, text.Length);
        isLast = !quoted && i > 0 && text[i - 1] == ';';
        return text[..i];
    }

    private static void ToPrintable(Span<char> printable, string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            printable[i] = Printable(text[i]);
        }
    }

    /// <summary>
    /// The block without the fields that bear our authserv-id, and without any <c>X-Mailkey-</c> field: nobody but us may say
    /// what we found (RFC 8601 §5).
    /// The memory itself when there is nothing to remove.
    /// </summary>
    public static ReadOnlyMemory<byte> RemoveOurs(HeaderBlock block, string authservId)
    {
        ArgumentNullException.ThrowIfNull(block);
        List<ReadOnlyMemory<byte>>? ours = null;
        for (var i = block.FindFirst(FieldName); i >= 0; i = block.FindFirst(FieldName, i + 1))
        {
            if (BearsAuthservId(block.Fields[i], authservId))
            {
                (ours ??= []).Add(block.Fields[i].Octets);
            }
        }

        foreach (ref readonly var field in block.Fields)
        {
            if (IsOwn(field.Name))
            {
                (ours ??= []).Add(field.Octets);
            }
        }

        // "Authentication-Results :" is no field, and yet there are readers that take it for one.
        foreach (var line in block.Malformed)
        {
            var colon = line.Span.IndexOf((byte)':');
            if (colon <= 0)
            {
                continue;
            }

            var name = WithoutControls(line.Span[..colon]);
            if (IsOwn(name) || (Ascii.EqualsIgnoreCase(name, FieldName) && BearsAuthservId(line.Span[(colon + 1)..], authservId)))
            {
                (ours ??= []).Add(line);
            }
        }

        return ours is null ? block.Octets : Without(block.Octets, ours);
    }

    /// <summary>
    /// Whether a field is an Authentication-Results field in our name. Readers differ in how they see comments, quotes
    /// and folding, so every form that any of them could take for ours counts: case is ignored, comments and white space
    /// are taken out, quoted pairs resolved, a version or a final dot overlooked.
    /// </summary>
    public static bool BearsAuthservId(in HeaderField field, string authservId)
    {
        ArgumentNullException.ThrowIfNull(authservId);
        return field.HasName(FieldName) && BearsAuthservId(field.Value, authservId);
    }

    private static bool BearsAuthservId(ReadOnlySpan<byte> value, string authservId)
    {
        // The id ends at the first semicolon outside of comments and quotes (RFC 8601 §2.2: [CFWS] authserv-id [CFWS authres-version] ...).
        // No octet is too far behind to be looked at: padding would hide a name from us and not from others.
        var id = new StringBuilder(authservId.Length + 16);
        var firstWord = -1;
        var nameEnd = -1;
        var depth = 0;
        var quoted = false;
        var odd = false;
        for (var position = 0; position < value.Length; position++)
        {
            var octet = value[position];
            if (octet == '\\' && (quoted || depth > 0) && position + 1 < value.Length)
            {
                octet = value[++position];
            }
            else if (!quoted && octet == '(')
            {
                depth++;
                EndWord(id.Length);
                continue;
            }
            else if (!quoted && octet == ')')
            {
                odd |= depth == 0;
                depth -= depth > 0 ? 1 : 0;
                continue;
            }
            else if (depth == 0 && octet == '"')
            {
                quoted = !quoted;
                continue;
            }
            else if (!quoted && depth == 0 && octet == ';')
            {
                break;
            }
            else if (depth == 0 && octet == '\\')
            {
                odd = true;
                continue;
            }

            if (depth > 0)
            {
                continue;
            }

            if (octet is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            {
                EndWord(id.Length);
                continue;
            }

            id.Append((char)octet);
        }

        var whole = id.ToString();
        if (IsOurs(whole, authservId) || (nameEnd > 0 && IsOurs(whole[..nameEnd], authservId)))
        {
            return true;
        }

        if (depth > 0 || quoted || odd)
        {
            // A comment or a quote without end, or an escape outside of both: no reader knows what this is, so our name anywhere in
            // it is enough.
            var letters = Encoding.Latin1.GetString(Array.FindAll(value.ToArray(), octet => octet is not ((byte)'"' or (byte)'\\') and > (byte)' '));
            return letters.Contains(authservId, StringComparison.OrdinalIgnoreCase);
        }

        return whole.Any(c => c >= 0x80) && (IsOurs(ToALabels(whole), authservId) || (firstWord > 0 && IsOurs(ToALabels(whole[..firstWord]), authservId)));

        // One reader takes white space and comments out, another takes them for the end of the name.
        void EndWord(int length)
        {
            firstWord = firstWord < 0 && length > 0 ? length : firstWord;
            nameEnd = nameEnd < 0 && length >= authservId.Length ? length : nameEnd;
        }
    }

    private static ReadOnlyMemory<byte> Without(ReadOnlyMemory<byte> octets, List<ReadOnlyMemory<byte>> parts)
    {
        var cuts = new List<(int Start, int End)>(parts.Count);
        foreach (var part in parts)
        {
            octets.Span.Overlaps(part.Span, out var start);
            cuts.Add((start, start + part.Length));
        }

        cuts.Sort();
        var kept = new ArrayBufferWriter<byte>(octets.Length);
        var copied = 0;
        foreach (var (start, end) in cuts)
        {
            kept.Write(octets.Span[copied..start]);
            copied = end;
        }

        kept.Write(octets.Span[copied..]);
        return kept.WrittenMemory;
    }

    private static bool IsOwn(ReadOnlySpan<byte> name) => name.Length >= OwnPrefix.Length && Ascii.EqualsIgnoreCase(name[..OwnPrefix.Length], OwnPrefix);

    private static byte[] WithoutControls(ReadOnlySpan<byte> name) => Array.FindAll(name.ToArray(), octet => octet > ' ');

    private static bool IsOurs(string id, string authservId) =>
        id.StartsWith(authservId, StringComparison.OrdinalIgnoreCase) &&
        !id.AsSpan(authservId.Length).ContainsAnyExcept(VersionOctets);

    private static readonly SearchValues<char> VersionOctets = SearchValues.Create("0123456789./");

    private static string ToALabels(string latin1)
    {
        try
        {
            return new IdnMapping().GetAscii(Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(latin1)));
        }
        catch (ArgumentException)
        {
            // No host name, so not the name of this host.
            return "";
        }
    }

    private static string Keyword(string word) => string.Create(word.Length, word, static (span, word) =>
    {
        for (var i = 0; i < span.Length; i++)
        {
            span[i] = char.IsAsciiLetterOrDigit(word[i]) || word[i] is '-' or '.' or '_' ? word[i] : '-';
        }
    });

    // pvalue of RFC 8601 §2.2: a token of RFC 2045, an addr-spec of plain words, else a quoted-string.
    private static void AppendValue(StringBuilder text, string value, bool alwaysQuoted)
    {
        if (value.Length > MaxValueLength)
        {
            value = value[..MaxValueLength];
        }

        if (!alwaysQuoted && value.Length > 0 && !value.AsSpan().ContainsAnyExcept(PlainOctets))
        {
            text.Append(value);
            return;
        }

        text.Append('"');
        foreach (var c in value)
        {
            text.Append(c is '"' or '\\' ? "\\" : "").Append(Printable(c));
        }

        text.Append('"');
    }

    private static readonly SearchValues<char> PlainOctets =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_+@!#$%&'*^`{|}~");

    private static char Printable(char c) => char.IsControl(c) ? '?' : c;
}
