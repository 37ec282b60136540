using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;

namespace Mailkey.Status.Pages;

/// <summary>
/// A piece of HTML. It is written as an interpolated string: what stands in the source is markup, what is filled in is text and gets
/// encoded, unless it is a piece of HTML itself.
/// </summary>
internal readonly struct Html
{
    private readonly string? _text;

    private Html(string text) => _text = text;

    public static Html Empty => default;

    public static Html Of(Writer writer) => new(writer.ToString());

    /// <summary>The style sheet of this program.</summary>
    public static Html OfStyle(string sheet) => sheet.Contains('<', StringComparison.Ordinal) ? throw new ArgumentException("A style sheet has no markup.", nameof(sheet)) : new(sheet);

    public static Html Join<T>(IEnumerable<T> items, Func<T, Html> each)
    {
        var text = new StringBuilder();
        foreach (var item in items)
        {
            text.Append(each(item)._text);
        }

        return new(text.ToString());
    }

    public override string ToString() => _text ?? "";

    /// <summary>What the compiler makes of the interpolated string.</summary>
    [InterpolatedStringHandler]
    internal readonly struct Writer(int literalLength, int formattedCount)
    {
        private readonly StringBuilder _text = new(literalLength + (formattedCount * 16));

        public void AppendLiteral(string markup) => _text.Append(markup);

        public void AppendFormatted(Html html) => _text.Append(html._text);

        public void AppendFormatted(string? text) => _text.Append(HtmlEncoder.Default.Encode(text ?? ""));

        public void AppendFormatted(long number) => _text.Append(number.ToString(CultureInfo.InvariantCulture));

        public override string ToString() => _text.ToString();
    }
}
