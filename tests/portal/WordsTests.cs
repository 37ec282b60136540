using Mailkey.Agreements.Portal.Words;

namespace Mailkey.Portal.Tests;

public sealed class WordsTests
{
    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("a\u202egnp.exe", "a\ufffdgnp.exe")]
    [InlineData("\u2066hidden\u2069", "\ufffdhidden\ufffd")]
    [InlineData("zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd")]
    [InlineData("two\r\nlines\t\u0000", "two\ufffd\ufffdlines\ufffd\ufffd")]
    [InlineData("\u2028\u0085\u001b[31m", "\ufffd\ufffd\ufffd[31m")]
    [InlineData("Grüße, 你好, שלום, 😀", "Grüße, 你好, שלום, 😀")]
    [InlineData(null, "")]
    public void Shown_replaces_what_hides_or_reorders_text(string? text, string expected) => Assert.Equal(expected, Shown.Line(text));

    [Fact]
    public void Shown_keeps_lines_where_they_belong_and_cuts_what_is_long()
    {
        Assert.Equal("\ufffd", Shown.Line("\ud800"));
        Assert.Equal("one\ntwo\ufffd", Shown.Text("one\ntwo\r"));
        Assert.Equal(Shown.MaxLine + 1, Shown.Line(new('x', 10_000)).Length);
    }

    [Theory]
    [InlineData("xn--bcher-kva.example", "bücher.example")]
    [InlineData("a.example", null)]
    [InlineData("xn--.example", null)]
    [InlineData("xn--a.example", null)]
    public void Shown_writes_a_domain_as_people_do_only_where_that_is_another_form(string domain, string? expected) => Assert.Equal(expected, Shown.UnicodeOf(domain));
}
