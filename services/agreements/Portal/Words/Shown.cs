using System.Globalization;
using System.Text;

namespace Mailkey.Agreements.Portal.Words;

/// <summary>
/// Text of strangers, made fit to be shown: what hides, reorders or breaks text is replaced. Encoding for HTML is the work of the page.
/// </summary>
internal static class Shown
{
    /// <summary>Characters of one line that are shown.</summary>
    public const int MaxLine = 320;

    private static readonly IdnMapping Idna = new();

    /// <summary>One line.</summary>
    public static string Line(string? text) => Clean(text is { Length: > MaxLine } ? $"{text[..MaxLine]}…" : text ?? "", keepLines: false);

    /// <summary>Several lines.</summary>
    public static string Text(string? text) => Clean(text ?? "", keepLines: true);

    /// <summary>A domain as people write it; null when that is no other than its normal form, which is always shown as well.</summary>
    public static string? UnicodeOf(string domain)
    {
        if (!domain.Contains("xn--", StringComparison.Ordinal))
        {
            return null;
        }

        try
        {
            var unicode = Line(Idna.GetUnicode(domain));
            return unicode == domain ? null : unicode;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture) + " UTC";

    public static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);

    public static string Day(DateOnly day) => day.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);

    public static string Number(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>Octets in the unit that gives a short number.</summary>
    public static string Size(long octets) => octets switch
    {
        >= 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{octets / (double)(1 << 20):0.#} MB"),
        >= 1 << 10 => string.Create(CultureInfo.InvariantCulture, $"{octets / (double)(1 << 10):0.#} kB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{octets} octets"),
    };

    private static string Clean(string text, bool keepLines)
    {
        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            var isSafe = (keepLines && rune.Value is '\n') || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate);
            clean.Append(isSafe ? rune.ToString() : "\ufffd");
        }

        return clean.ToString();
    }
}
