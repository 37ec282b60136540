using System.Buffers;
using System.Globalization;

namespace Mailkey.Storage;

/// <summary>
/// The text of a locator: <c>store/instance/segment/offset</c> for a record of a segment, <c>store/name</c> for an
/// object of its own. The store's id keeps a process with the wrong folder from taking "not here" for "released".
/// </summary>
/// <param name="Store">Id of the store, lower-case hex.</param>
/// <param name="Name">The instance of a segment, or the object's name.</param>
/// <param name="Segment">Number of the segment; -1 for an object.</param>
/// <param name="Offset">Octets before the record.</param>
internal readonly record struct Locator(string Store, string Name, int Segment, long Offset)
{
    private const int MaxLength = 256;

    // The only characters of a name, so that no locator can lead out of the folder.
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    public bool IsObject => Segment < 0;

    public static Locator Object(string store, string name) => new(store, name, -1, 0);

    public override string ToString() => IsObject
        ? $"{Store}/{Name}"
        : string.Create(CultureInfo.InvariantCulture, $"{Store}/{Name}/{Segment}/{Offset}");

    public static bool TryParse(ReadOnlySpan<char> text, out Locator locator)
    {
        locator = default;
        if (text.Length > MaxLength)
        {
            return false;
        }

        Span<Range> parts = stackalloc Range[5];
        var count = text.Split(parts, '/');
        if (count is not (2 or 4) || !IsName(text[parts[0]]) || !IsName(text[parts[1]]))
        {
            return false;
        }

        var segment = -1;
        var offset = 0L;
        if (count == 4
            && (!int.TryParse(text[parts[2]], NumberStyles.None, CultureInfo.InvariantCulture, out segment)
                || !long.TryParse(text[parts[3]], NumberStyles.None, CultureInfo.InvariantCulture, out offset)))
        {
            return false;
        }

        locator = new(text[parts[0]].ToString(), text[parts[1]].ToString(), segment, offset);
        return true;
    }

    private static bool IsName(ReadOnlySpan<char> text) => text.Length is > 0 and <= 64 && !text.ContainsAnyExcept(NameCharacters);
}
