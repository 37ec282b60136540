using System.Net;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Mailkey.Spf.Tests;

/// <summary>Macros against the words of RFC 7208 §7.3, written down again in the slowest and plainest way.</summary>
public sealed class MacroStringTests
{
    [Fact]
    public void Macros_expand_as_the_rfc_says_it_in_words()
    {
        var value = Gen.Elements("a", "b.c", "", ".", "x-y+z", "one.two.three.four", "..a..", "a_b=c/d,e", "~%&\u00fc ", "A.b").ListOf().Select(string.Concat);
        var macro = from letter in Gen.Elements('l', 'L', 'h', 'H')
                    from digits in Gen.Elements("", "1", "2", "03", "99", "100000000000")
                    from reverse in Gen.Elements("", "r", "R")
                    from delimiters in Gen.Elements("", ".", "-", "+-", "_=/,", ".-+,/_=")
                    select $"%{{{letter}{digits}{reverse}{delimiters}}}";
        var text = Gen.OneOf(macro, Gen.Elements("%%", "%_", "%-", "x", ".", "{l}", "}", "r")).ListOf().Select(string.Concat);
        var sample = from local in value from helo in value from macros in text select (Local: local, Helo: helo, Text: macros);
        var (large, small) = (new char[4096], new char[64]);
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000).WithQuietOnSuccess(true), Prop.ForAll(Arb.From(sample), s =>
        {
            Assert.True(MacroString.TryCheck(s.Text, MacroContext.Explanation, out _, out var error), $"{s.Text}: {error}");
            var values = new MacroValues(
                new() { Client = IPAddress.Loopback, ReversePath = "", ClientName = s.Helo }, new ClientAddress(IPAddress.Loopback), s.Local, "example.org", TimeProvider.System);

            // MacroValues makes A-labels of what is a domain name, and the reference has no opinion on that.
            var helo = values.Of('h');
            var expected = Plainly(s.Text, s.Local, helo);

            foreach (var room in (char[][])[large, small])
            {
                Assert.Equal(expected[..Math.Min(expected.Length, room.Length)], Expand(s.Text, values, room, keepsEnd: false));

                // What is kept of the end is the end, and at least half of the room.
                var end = Expand(s.Text, values, room, keepsEnd: true);
                Assert.EndsWith(end, expected, StringComparison.Ordinal);
                Assert.True(end.Length >= Math.Min(expected.Length, room.Length / 2));
            }
        }));
    }

    [Fact]
    public void Uses_finds_letters_in_macros_only()
    {
        Assert.True(MacroString.Uses("%%%{S}", "s"));
        Assert.True(MacroString.Uses("a%{d}%-%{p2r}", "p"));
        Assert.False(MacroString.Uses("%%{s}s%_{s}%{d}", "s"));
        Assert.False(MacroString.Uses("%", "s"));
        Assert.False(MacroString.Uses("", "s"));
    }

    private static string Expand(string text, MacroValues values, char[] room, bool keepsEnd)
    {
        var output = new MacroOutput(room, keepsEnd);
        MacroString.Expand(text, values, ref output);
        return output.Written.ToString();
    }

    private static string Plainly(string text, string local, string helo)
    {
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                result.Append(text[i]);
                continue;
            }

            i++;
            if (text[i] != '{')
            {
                result.Append(text[i] switch { '%' => "%", '_' => " ", _ => "%20" });
                continue;
            }

            var inner = text[(i + 1)..text.IndexOf('}', i)];
            i += inner.Length + 1;
            var digits = string.Concat(inner.Skip(1).TakeWhile(char.IsAsciiDigit));
            var rest = inner[(1 + digits.Length)..];
            var reverse = rest.StartsWith('r') || rest.StartsWith('R');
            var delimiters = reverse ? rest[1..] : rest;
            var parts = (char.ToLowerInvariant(inner[0]) == 'l' ? local : helo).Split((delimiters.Length == 0 ? "." : delimiters).ToCharArray()).ToList();
            if (reverse)
            {
                parts.Reverse();
            }

            if (digits.Length > 0 && decimal.Parse(digits, System.Globalization.CultureInfo.InvariantCulture) < parts.Count)
            {
                parts = parts[^int.Parse(digits, System.Globalization.CultureInfo.InvariantCulture)..];
            }

            var joined = string.Join('.', parts);
            result.Append(char.IsAsciiLetterUpper(inner[0]) ? Uri.EscapeDataString(joined) : joined);
        }

        return result.ToString();
    }
}
