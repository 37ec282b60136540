using System.Globalization;
using System.Text;

namespace Mailkey.Agreements.Consents;

/// <summary>Names that strangers chose, as they are shown to a person who has to decide by them.</summary>
public static class ShownName
{
    /// <summary>
    /// A domain as it stands in DNS, and what that reads as where every label is of one script: letters of two scripts in a label are how a
    /// domain is made to look like another.
    /// </summary>
    /// <param name="domain">In its normal form, A-labels.</param>
    public static string OfDomain(string domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        if (!domain.Contains("xn--", StringComparison.Ordinal))
        {
            return domain;
        }

        string reading;
        try
        {
            reading = new IdnMapping().GetUnicode(domain);
        }
        catch (ArgumentException)
        {
            return domain;
        }

        return reading != domain && reading.Split('.').All(IsOfOneScript) ? $"{domain} (reads {reading})" : domain;
    }

    /// <summary>Text that no mail program makes a link or an address of, within quotes that it cannot leave.</summary>
    public static string Quoted(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var shown = new StringBuilder(text.Length + 8).Append('"');
        foreach (var rune in text.EnumerateRunes())
        {
            shown.Append(rune.Value switch
            {
                '"' => "'",
                '@' => "[at]",
                ':' => "[:]",
                _ when IsHidden(rune) => "?",
                _ => rune.ToString(),
            });
        }

        return shown.Append('"').Replace("www.", "www[.]").Replace("WWW.", "WWW[.]").ToString();
    }

    private static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;

    private static bool IsOfOneScript(string label)
    {
        var seen = Script.Common;
        foreach (var rune in label.EnumerateRunes())
        {
            var script = ScriptOf(rune.Value);
            if (script == Script.Unknown || (script != Script.Common && seen != Script.Common && script != seen))
            {
                return false;
            }

            seen = script == Script.Common ? seen : script;
        }

        return true;
    }

    // The scripts in which most domains are registered; of another one the reading is not shown.
    private static Script ScriptOf(int c) => c switch
    {
        '-' or (>= '0' and <= '9') => Script.Common,
        (>= 'a' and <= 'z') or (>= 0xdf and <= 0x24f and not 0xf7) => Script.Latin,
        >= 0x370 and <= 0x3ff => Script.Greek,
        >= 0x400 and <= 0x52f => Script.Cyrillic,
        >= 0x5d0 and <= 0x5ea => Script.Hebrew,
        >= 0x620 and <= 0x6d3 => Script.Arabic,
        >= 0x900 and <= 0x97f => Script.Devanagari,
        >= 0xe01 and <= 0xe4e => Script.Thai,
        (>= 0x3041 and <= 0x30fe) or (>= 0x4e00 and <= 0x9fff) or 0x3005 => Script.ChineseOrJapanese,
        >= 0xac00 and <= 0xd7a3 => Script.Hangul,
        _ => Script.Unknown,
    };

    private enum Script
    {
        Unknown,
        Common,
        Latin,
        Greek,
        Cyrillic,
        Hebrew,
        Arabic,
        Devanagari,
        Thai,
        ChineseOrJapanese,
        Hangul,
    }
}
