using System.Buffers;
using System.Text;

namespace Mailkey.Mime;

/// <summary>
/// A view of a header block that changes no octet of it. Reading is total and linear: whatever the octets are, there is
/// a block with the fields that could be read and, when there is one, the first <see cref="Problem"/>.
/// </summary>
public sealed class HeaderBlock
{
    // ftext of RFC 5322 §3.6.8: printable US-ASCII except colon. No white space before the colon either: that is
    // obs-optional (§4.5) at best, and two programs that disagree about "From :" see two different authors.
    private static readonly SearchValues<byte> NameOctets = SearchValues.Create(
        Enumerable.Range(33, 94).Where(octet => octet != ':').Select(octet => (byte)octet).ToArray());

    private static readonly SearchValues<byte> Controls = SearchValues.Create("\r\n\0"u8);

    private readonly HeaderField[] fields;
    private readonly int[] nameHashes;
    private readonly int count;
    private readonly List<ReadOnlyMemory<byte>>? malformed;

    private HeaderBlock(ReadOnlyMemory<byte> octets, HeaderLimits limits)
    {
        Octets = octets;
        var fieldList = new HeaderField[32];
        var hashes = new int[32];
        var span = octets.Span;
        var singletons = 0;
        for (var start = 0; start < span.Length;)
        {
            var end = EndOfField(span, start, out var bare);
            if (bare >= 0)
            {
                Problem ??= new(HeaderProblemKind.BareControl, bare);
            }

            if (end - start > limits.MaxFieldSize)
            {
                // Replaces a milder problem: from here on nothing was read.
                Problem = new(HeaderProblemKind.FieldTooLarge, start);
                break;
            }

            var field = span[start..end];
            var nameLength = field.IndexOfAnyExcept(NameOctets);
            if (nameLength <= 0 || field[nameLength] != ':')
            {
                Problem ??= new(ProblemOf(field, start), start + Math.Max(nameLength, 0));
                (malformed ??= []).Add(octets[start..end]);
                start = end;
                continue;
            }

            if (count == limits.MaxFields)
            {
                Problem = new(HeaderProblemKind.TooManyFields, start);
                break;
            }

            if (count == fieldList.Length)
            {
                Array.Resize(ref fieldList, count * 2);
                Array.Resize(ref hashes, count * 2);
            }

            var name = field[..nameLength];
            fieldList[count] = new HeaderField(octets[start..end], nameLength);
            hashes[count] = NameHash(name);
            count++;
            Note(fieldList[count - 1], name, ref singletons);
            start = end;
        }

        fields = fieldList;
        nameHashes = hashes;
    }

    /// <summary>The octets of the block.</summary>
    public ReadOnlyMemory<byte> Octets { get; }

    /// <summary>The well-formed fields, top down.</summary>
    public ReadOnlySpan<HeaderField> Fields => fields.AsSpan(0, count);

    /// <summary>Lines that are no fields, each with its continuation lines; some reader may take them for fields nevertheless.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Malformed => malformed ?? (IReadOnlyList<ReadOnlyMemory<byte>>)[];

    /// <summary>The first thing that is wrong, or null. A block with a problem should not be relayed: somebody else may read it differently.</summary>
    public HeaderProblem? Problem { get; }

    /// <summary>Number of Received fields, for the detection of loops (RFC 5321 §6.3).</summary>
    public int ReceivedCount { get; private set; }

    /// <summary>The first of From, Sender, Date and Subject that occurs more than once (RFC 5322 §3.6 allows one of each); null when none does.</summary>
    public string? DuplicatedSingleton { get; private set; }

    /// <summary>
    /// Whether a program sent this by itself (RFC 3834 §2: such mail is not to be answered by another program):
    /// an Auto-Submitted other than "no", a report (RFC 6522), Precedence junk, bulk or auto_reply, or the marks that
    /// came before RFC 3834.
    /// </summary>
    public bool IsAutomatic { get; private set; }

    /// <summary>Whether it came through a list: a List-* field (RFC 2369, RFC 2919), Mailing-List, or Precedence list or bulk.</summary>
    public bool IsList { get; private set; }

    /// <summary>Reads a header block: CRLF line ends, without the empty line that ends it, with or without the CRLF of the last field.</summary>
    public static HeaderBlock Parse(ReadOnlyMemory<byte> octets, HeaderLimits? limits = null) => new(octets, limits ?? HeaderLimits.Default);

    /// <summary>Number of octets of the header block at the start of a message, its last CRLF included, and where the body begins.</summary>
    /// <returns>Length of the block; the whole message when it has no empty line.</returns>
    public static int Measure(ReadOnlySpan<byte> message, out int bodyStart)
    {
        if (message.StartsWith("\r\n"u8))
        {
            bodyStart = 2;
            return 0;
        }

        var end = message.IndexOf("\r\n\r\n"u8);
        bodyStart = end < 0 ? message.Length : end + 4;
        return end < 0 ? message.Length : end + 2;
    }

    /// <summary>
    /// Index of the last field with a name above an index: signatures select fields from the bottom up (RFC 6376 §5.4.2).
    /// </summary>
    /// <param name="name">Compared without regard to case.</param>
    /// <param name="before">Only fields with a smaller index count; the number of fields to begin with.</param>
    /// <returns>-1 when there is none.</returns>
    public int FindLast(ReadOnlySpan<byte> name, int before = int.MaxValue)
    {
        var hash = NameHash(name);
        for (var above = Math.Min(before, count); above > 0;)
        {
            var index = nameHashes.AsSpan(0, above).LastIndexOf(hash);
            if (index < 0 || fields[index].HasName(name))
            {
                return index;
            }

            above = index;
        }

        return -1;
    }

    /// <summary>Index of the first field with a name from an index on; -1 when there is none.</summary>
    public int FindFirst(ReadOnlySpan<byte> name, int from = 0)
    {
        var hash = NameHash(name);
        while (from < count)
        {
            var index = nameHashes.AsSpan(from, count - from).IndexOf(hash);
            if (index < 0)
            {
                return -1;
            }

            if (fields[from + index].HasName(name))
            {
                return from + index;
            }

            from += index + 1;
        }

        return -1;
    }

    /// <summary>How many fields have a name.</summary>
    public int Count(ReadOnlySpan<byte> name)
    {
        var found = 0;
        for (var index = FindFirst(name); index >= 0; index = FindFirst(name, index + 1))
        {
            found++;
        }

        return found;
    }

    /// <summary>The value of the first field with a name, on one line; null when there is none.</summary>
    public string? FirstValue(ReadOnlySpan<byte> name) => FindFirst(name) is >= 0 and var index ? fields[index].UnfoldedValue() : null;

    /// <summary>The msg-id of the Message-ID field with its brackets (RFC 5322 §3.6.4); null when there is none that is one printable word.</summary>
    public string? MessageId()
    {
        var index = FindFirst("Message-ID"u8);
        if (index < 0)
        {
            return null;
        }

        var value = fields[index].Value;
        var open = value.IndexOf((byte)'<');
        var length = open < 0 ? -1 : value[open..].IndexOf((byte)'>');
        if (length < 2 || value.Slice(open, length).IndexOfAnyInRange((byte)0, (byte)' ') >= 0 || value.Slice(open, length).Contains((byte)0x7f))
        {
            return null;
        }

        return Encoding.UTF8.GetString(value.Slice(open, length + 1));
    }

    // FNV-1a over the lower-case name. It only spares comparisons: a name is always compared in full after it.
    private static int NameHash(ReadOnlySpan<byte> name)
    {
        var hash = 2166136261u;
        foreach (var octet in name)
        {
            hash = (hash ^ (octet | (uint)(octet is >= (byte)'A' and <= (byte)'Z' ? 0x20 : 0))) * 16777619u;
        }

        return unchecked((int)hash);
    }

    private static int EndOfField(ReadOnlySpan<byte> span, int start, out int bare)
    {
        bare = -1;
        for (var at = start; ;)
        {
            var found = span[at..].IndexOfAny(Controls);
            if (found < 0)
            {
                return span.Length;
            }

            at += found;
            if (span[at] != '\r' || at + 1 == span.Length || span[at + 1] != '\n')
            {
                bare = bare < 0 ? at : bare;
                at++;
                continue;
            }

            at += 2;
            if (at == span.Length || span[at] is not ((byte)' ' or (byte)'\t'))
            {
                return at;
            }
        }
    }

    private static HeaderProblemKind ProblemOf(ReadOnlySpan<byte> field, int start) => field switch
    {
        [(byte)'\r', (byte)'\n', ..] => HeaderProblemKind.EmptyLine,
        [(byte)' ' or (byte)'\t', ..] when start == 0 => HeaderProblemKind.LeadingWhiteSpace,
        _ => HeaderProblemKind.MalformedField,
    };

    private static bool ValueIs(ReadOnlySpan<byte> value, ReadOnlySpan<byte> word)
    {
        value = value.TrimStart(" \t\r\n"u8);
        return value.Length >= word.Length && Ascii.EqualsIgnoreCase(value[..word.Length], word) &&
            (value.Length == word.Length || value[word.Length] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)';' or (byte)'(');
    }

    private void Note(HeaderField field, ReadOnlySpan<byte> name, ref int singletons)
    {
        switch (name.Length)
        {
            case 4 when Ascii.EqualsIgnoreCase(name, "From"u8):
                Singleton(1, "From", ref singletons);
                break;
            case 4 when Ascii.EqualsIgnoreCase(name, "Date"u8):
                Singleton(2, "Date", ref singletons);
                break;
            case 6 when Ascii.EqualsIgnoreCase(name, "Sender"u8):
                Singleton(4, "Sender", ref singletons);
                break;
            case 7 when Ascii.EqualsIgnoreCase(name, "Subject"u8):
                Singleton(8, "Subject", ref singletons);
                break;
            case 8 when Ascii.EqualsIgnoreCase(name, "Received"u8):
                ReceivedCount++;
                break;
            case 10 when Ascii.EqualsIgnoreCase(name, "Precedence"u8):
                IsAutomatic |= ValueIs(field.Value, "junk"u8) || ValueIs(field.Value, "bulk"u8) || ValueIs(field.Value, "auto_reply"u8);
                IsList |= ValueIs(field.Value, "list"u8) || ValueIs(field.Value, "bulk"u8);
                break;
            case 12 when Ascii.EqualsIgnoreCase(name, "Content-Type"u8):
                IsAutomatic |= ValueIs(field.Value, "multipart/report"u8);
                break;
            case 14 when Ascii.EqualsIgnoreCase(name, "Auto-Submitted"u8):
                // RFC 3834 §5: any keyword but "no", known or not, says that no person sent it.
                IsAutomatic |= !ValueIs(field.Value, "no"u8);
                break;
            case 11 when Ascii.EqualsIgnoreCase(name, "X-Autoreply"u8):
            case 13 when Ascii.EqualsIgnoreCase(name, "X-Autorespond"u8):
                IsAutomatic = true;
                break;
            case 12 when Ascii.EqualsIgnoreCase(name, "Mailing-List"u8):
                IsList = true;
                break;
            default:
                IsList |= name.Length > 5 && Ascii.EqualsIgnoreCase(name[..5], "List-"u8);
                break;
        }
    }

    private void Singleton(int bit, string name, ref int singletons)
    {
        if ((singletons & bit) != 0)
        {
            DuplicatedSingleton ??= name;
        }

        singletons |= bit;
    }
}
