using System.Text;

namespace Mailkey.Policy.Reading;

/// <summary>A file, and where in it an octet stands.</summary>
internal sealed class SourceText
{
    private readonly byte[] _octets;
    private readonly List<int> _lines = [0];

    public SourceText(string name, ReadOnlySpan<byte> octets)
    {
        Name = name;
        _octets = (octets.StartsWith("\uFEFF"u8) ? octets[3..] : octets).ToArray();
        for (var i = 0; i < _octets.Length; i++)
        {
            if (_octets[i] == (byte)'\n')
            {
                _lines.Add(i + 1);
            }
        }
    }

    public string Name { get; }

    public ReadOnlySpan<byte> Octets => _octets;

    public int LineCount => _lines.Count;

    /// <summary>A line without its end.</summary>
    /// <param name="line">From 1.</param>
    public ReadOnlySpan<byte> Line(int line)
    {
        var end = line < _lines.Count ? _lines[line] - 1 : _octets.Length;
        var octets = _octets.AsSpan(_lines[line - 1], end - _lines[line - 1]);
        return octets is [.., (byte)'\r'] ? octets[..^1] : octets;
    }

    public int OffsetOf(int line) => _lines[line - 1];

    public int LineOf(int offset)
    {
        var at = _lines.BinarySearch(offset);
        return at >= 0 ? at + 1 : ~at;
    }

    public PolicyError Error(int offset, string message)
    {
        offset = Math.Clamp(offset, 0, _octets.Length);
        var line = LineOf(offset);
        return new(Name, line, Encoding.UTF8.GetCharCount(_octets.AsSpan(_lines[line - 1], offset - _lines[line - 1])) + 1, Printable(message));
    }

    // What a file holds goes to a terminal and into logs.
    private static string Printable(string message) => string.Create(message.Length, message, static (text, from) =>
    {
        for (var i = 0; i < text.Length; i++)
        {
            text[i] = char.IsControl(from[i]) || char.GetUnicodeCategory(from[i]) is System.Globalization.UnicodeCategory.Format ? '?' : from[i];
        }
    });
}
