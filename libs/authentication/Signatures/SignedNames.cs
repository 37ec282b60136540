using System.Buffers;
using System.Text;
using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>The names of h= (RFC 6376 §3.5): which fields are signed, in which order, a name once for each field and once more to forbid another.</summary>
internal readonly ref struct SignedNames
{
    /// <summary>Names of one h=. What people sign, each name twice, stays below a hundred; each name costs a search.</summary>
    public const int MaxNames = 256;

    private static readonly SearchValues<byte> NameOctets = SearchValues.Create(
        Enumerable.Range(33, 94).Where(octet => octet != ':').Select(octet => (byte)octet).ToArray());

    private readonly ReadOnlySpan<byte> value;
    private readonly ReadOnlySpan<Range> ranges;

    private SignedNames(ReadOnlySpan<byte> value, ReadOnlySpan<Range> ranges)
    {
        this.value = value;
        this.ranges = ranges;
    }

    public int Count => ranges.Length;

    public ReadOnlySpan<byte> this[int index] => value[ranges[index]];

    /// <param name="storage">At least <see cref="MaxNames"/>.</param>
    public static bool TryParse(ReadOnlySpan<byte> value, Span<Range> storage, out SignedNames names, out string? error)
    {
        names = default;
        error = null;
        var count = 0;
        for (var at = 0; at <= value.Length;)
        {
            var colon = value[at..].IndexOf((byte)':');
            var end = colon < 0 ? value.Length : at + colon;
            if (count == MaxNames)
            {
                error = "h= has too many names";
                return false;
            }

            var start = at + (end - at - value[at..end].TrimStart(" \t\r\n"u8).Length);
            var name = value[start..end].TrimEnd(" \t\r\n"u8);
            if (name.IsEmpty || name.ContainsAnyExcept(NameOctets))
            {
                error = "h= holds what is no field name";
                return false;
            }

            storage[count++] = start..(start + name.Length);
            at = end + 1;
        }

        names = new SignedNames(value, storage[..count]);
        return true;
    }

    /// <summary>How often a name is signed.</summary>
    public int CountOf(ReadOnlySpan<byte> name)
    {
        var count = 0;
        for (var i = 0; i < ranges.Length; i++)
        {
            count += Ascii.EqualsIgnoreCase(this[i], name) ? 1 : 0;
        }

        return count;
    }

    /// <summary>
    /// Finds the field of each name: the instances of a name from the bottom up, one after the other (RFC 6376 §5.4.2).
    /// </summary>
    /// <param name="indices">One for each name; -1 where there is no further field of that name.</param>
    public void Resolve(HeaderBlock block, Span<int> indices)
    {
        for (var i = 0; i < ranges.Length; i++)
        {
            var before = int.MaxValue;
            for (var earlier = i - 1; earlier >= 0; earlier--)
            {
                if (Ascii.EqualsIgnoreCase(this[earlier], this[i]))
                {
                    before = Math.Max(indices[earlier], 0);
                    break;
                }
            }

            indices[i] = block.FindLast(this[i], before);
        }
    }
}
