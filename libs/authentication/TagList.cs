using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Mailkey.Authentication;

/// <summary>Where a tag-list is wrong and what is wrong there.</summary>
/// <param name="Position">Octets from the start of the text that was parsed.</param>
/// <param name="Message">One ASCII phrase without line end.</param>
public readonly record struct TagListError(int Position, string Message)
{
    public override string ToString() => $"{Message} at octet {Position}";
}

/// <summary>
/// A tag-list (RFC 6376 §3.2), the syntax of signature fields and key records. It points into the text it was parsed from and
/// allocates nothing.
/// </summary>
/// <remarks><code>
/// tag-list  =  tag-spec *( ";" tag-spec ) [ ";" ]
/// tag-spec  =  [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
/// tag-name  =  ALPHA *(ALPHA / DIGIT / "_")
/// tag-value =  [ tval *( 1*(WSP / FWS) tval ) ]
/// tval      =  1*(%x21-3A / %x3C-7E)
/// </code></remarks>
public readonly ref struct TagList
{
    /// <summary>Most tags of one list. RFC 6376 defines 13 for a signature; the rest is room for extensions.</summary>
    public const int MaxTags = 40;

    private readonly ReadOnlySpan<byte> _text;
    private readonly Slots _slots;

    private TagList(ReadOnlySpan<byte> text, scoped in Slots slots, int count)
    {
        _text = text;
        _slots = slots;
        Count = count;
    }

    /// <summary>How many tags there are, unknown ones included.</summary>
    public int Count { get; }

    /// <summary>The tags in the order of the text.</summary>
    public Tag this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            var slot = _slots[index];
            return new(_text.Slice(slot.NameStart, slot.NameLength), _text.Slice(slot.ValueStart, slot.ValueLength), slot.NameStart, slot.ValueStart);
        }
    }

    /// <summary>Finds a tag by its name; names are case-sensitive (RFC 6376 §3.2).</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out Tag tag)
    {
        for (var i = 0; i < Count; i++)
        {
            if (_text.Slice(_slots[i].NameStart, _slots[i].NameLength).SequenceEqual(name))
            {
                tag = this[i];
                return true;
            }
        }

        tag = default;
        return false;
    }

    /// <summary>The value of a tag, or an empty span when the list does not have it; use <see cref="TryGet"/> where that differs.</summary>
    public ReadOnlySpan<byte> ValueOf(ReadOnlySpan<byte> name) => TryGet(name, out var tag) ? tag.Value : default;

    /// <summary>Parses a whole text. One pass, and one look at the earlier names for each tag.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out TagList list, out TagListError error)
    {
        list = default;
        error = default;
        Slots slots = default;
        var count = 0;
        var at = 0;
        while (true)
        {
            if (!SkipFws(text, ref at))
            {
                error = new(at, "line end that is not folding white space");
                return false;
            }

            if (at == text.Length)
            {
                if (count > 0)
                {
                    list = new TagList(text, slots, count);
                    return true;
                }

                error = new(at, "no tag");
                return false;
            }

            if (count == MaxTags)
            {
                error = new(at, "too many tags");
                return false;
            }

            var name = at;
            if (!char.IsAsciiLetter((char)text[at]))
            {
                error = new(at, "expected the name of a tag");
                return false;
            }

            while (at < text.Length && (char.IsAsciiLetterOrDigit((char)text[at]) || text[at] == '_'))
            {
                at++;
            }

            var nameLength = at - name;
            if (!SkipFws(text, ref at) || at == text.Length || text[at] != '=')
            {
                error = new(at, "expected \"=\"");
                return false;
            }

            // RFC 6376 §3.2: tags with duplicate names MUST NOT occur; if one does, the entire tag-list is invalid.
            for (var i = 0; i < count; i++)
            {
                if (text.Slice(slots[i].NameStart, slots[i].NameLength).SequenceEqual(text.Slice(name, nameLength)))
                {
                    error = new(name, "duplicate tag");
                    return false;
                }
            }

            at++;
            if (!TryReadValue(text, ref at, out var value, out var valueLength, out error))
            {
                return false;
            }

            slots[count++] = new Slot(name, nameLength, value, valueLength);
            if (at < text.Length)
            {
                at++; // the semicolon
            }
        }
    }

    /// <summary>Decodes base64 that may be folded (RFC 6376 §3.2: "FWS is ignored in this value"); wrong padding is an error.</summary>
    public static bool TryDecodeBase64(ReadOnlySpan<byte> value, [NotNullWhen(true)] out byte[]? octets)
    {
        octets = null;
        var buffer = new byte[Base64.GetMaxDecodedFromUtf8Length(value.Length)];
        if (Base64.DecodeFromUtf8(value, buffer, out var consumed, out var written) != System.Buffers.OperationStatus.Done || consumed != value.Length)
        {
            return false;
        }

        octets = buffer.AsSpan(0, written).ToArray();
        return true;
    }

    private static bool TryReadValue(ReadOnlySpan<byte> text, scoped ref int at, out int start, out int length, out TagListError error)
    {
        error = default;
        start = at;
        length = 0;
        if (!SkipFws(text, ref at))
        {
            error = new(at, "line end that is not folding white space");
            return false;
        }

        // White space before and after a value is no part of it; white space within is.
        start = at;
        while (at < text.Length && text[at] != ';')
        {
            // RFC 8616 §5 lets values of internationalized mail hold UTF-8; what a value may be is for its reader to say.
            if (text[at] is > 0x20 and not 0x7F)
            {
                at++;
                length = at - start;
                continue;
            }

            var before = at;
            if (!SkipFws(text, ref at))
            {
                error = new(at, "line end that is not folding white space");
                return false;
            }

            if (at == before)
            {
                error = new(at, "control character");
                return false;
            }
        }

        return true;
    }

    // FWS = [*WSP CRLF] 1*WSP (RFC 5322 §3.2.2). False: a CR or LF that does not begin a folded line.
    private static bool SkipFws(ReadOnlySpan<byte> text, scoped ref int at)
    {
        while (at < text.Length)
        {
            switch (text[at])
            {
                case (byte)' ' or (byte)'\t':
                    at++;
                    break;
                case (byte)'\r' when at + 2 < text.Length && text[at + 1] == '\n' && text[at + 2] is (byte)' ' or (byte)'\t':
                    at += 3;
                    break;
                case (byte)'\r' or (byte)'\n':
                    return false;
                default:
                    return true;
            }
        }

        return true;
    }

    /// <summary>One tag; both spans point into the parsed text.</summary>
    /// <remarks>The value may hold folding white space inside. <see cref="ValueStart"/> lets a verifier cut the value of <c>b=</c> out of the field.</remarks>
    public readonly ref struct Tag(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int nameStart, int valueStart)
    {
        public ReadOnlySpan<byte> Name { get; } = name;
        public ReadOnlySpan<byte> Value { get; } = value;
        public int NameStart { get; } = nameStart;
        public int ValueStart { get; } = valueStart;
    }

    private readonly record struct Slot(int NameStart, int NameLength, int ValueStart, int ValueLength);

    [InlineArray(MaxTags)]
    private struct Slots
    {
        private Slot _first;
    }
}
