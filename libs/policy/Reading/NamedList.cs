using System.Text;

namespace Mailkey.Policy.Reading;

/// <summary>A named list: entries with their places. What they mean follows from where the list is used.</summary>
internal sealed class NamedList
{
    // Of a line: longer than any address (RFC 5321 §4.5.3.1.3).
    private const int MaxEntryLength = 512;

    private readonly List<(string Text, SourceText Source, int Offset)> _entries = [];

    public IReadOnlyList<(string Text, SourceText Source, int Offset)> Entries => _entries;

    public void Add(string text, SourceText source, int offset) => _entries.Add((text, source, offset));

    /// <summary>Reads a file with one entry on each line; <c>#</c> begins a comment.</summary>
    public void AddLines(SourceText source, List<PolicyError> errors)
    {
        for (var number = 1; number <= source.LineCount; number++)
        {
            var line = source.Line(number);
            var comment = line.IndexOf((byte)'#');
            var content = comment < 0 ? line : line[..comment];
            var start = content.IndexOfAnyExcept((byte)' ', (byte)'\t');
            if (start < 0)
            {
                continue;
            }

            var entry = content[start..].TrimEnd(" \t"u8);
            if (entry.Length > MaxEntryLength)
            {
                errors.Add(source.Error(source.OffsetOf(number) + start, $"is longer than {MaxEntryLength} octets"));
                continue;
            }

            Add(Encoding.UTF8.GetString(entry), source, source.OffsetOf(number) + start);
        }
    }
}
