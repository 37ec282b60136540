using System.Globalization;
using System.Text;

namespace Mailkey.Agreements.Decisions;

/// <summary>Text from outside that will be shown to people.</summary>
public static class SingleLine
{
    /// <summary>
    /// Whether it is one line of at most so many characters, without blanks at its ends, and without what hides or reorders text: controls,
    /// format characters such as bidirectional overrides, line separators, unassigned and private code points, lone surrogates.
    /// </summary>
    public static bool IsAcceptable(string? text, int maxLength) => IsAcceptable(text, maxLength, lines: false);

    /// <summary>The same for several lines.</summary>
    public static bool IsAcceptableText(string? text, int maxLength) => IsAcceptable(text, maxLength, lines: true);

    private static bool IsAcceptable(string? text, int maxLength, bool lines)
    {
        if (string.IsNullOrEmpty(text) || text.Length > maxLength || text[0] is ' ' || text[^1] is ' ')
        {
            return false;
        }

        // A lone surrogate is enumerated as U+FFFD, which belongs in no text either.
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar
                || (!(lines && rune.Value is '\n') && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
                    or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned
                    or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate))
            {
                return false;
            }
        }

        return true;
    }
}
