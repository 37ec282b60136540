using System.Globalization;
using System.Net;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Mailkey.Spf.Tests;

public sealed class SpfRecordTests
{
    [Theory]
    [InlineData("v=spf1", true)]
    [InlineData("V=SPF1 -all", true)]
    [InlineData("v=spf1  ", true)]
    [InlineData("v=spf10", false)]
    [InlineData("v=spf1\t-all", false)]
    [InlineData(" v=spf1", false)]
    [InlineData("v=spf2.0/pra", false)]
    [InlineData("", false)]
    public void SpfRecord_is_told_from_other_texts_by_its_version(string text, bool isSpf) => Assert.Equal(isSpf, SpfRecord.IsSpf(text));

    [Theory]
    [InlineData("v=spf1 moo", 7, "unknown mechanism")]
    [InlineData("v=spf1 -all moo", 12, "unknown mechanism")]
    [InlineData("v=spf1 -", 7, "unknown mechanism")]
    [InlineData("v=spf1 includes:a.b", 7, "unknown mechanism")]
    [InlineData("v=spf1 a\tmx", 8, "character 9")]
    [InlineData("v=spf1 a:ex\u00e4mple.org", 11, "character 228")]
    [InlineData("v=spf1 a:b.c\0", 12, "character 0")]
    [InlineData("v=spf1 all:x", 10, "all takes no argument")]
    [InlineData("v=spf1 include", 14, "argument missing")]
    [InlineData("v=spf1 include:", 15, "domain missing")]
    [InlineData("v=spf1 ip4/24", 10, "argument missing")]
    [InlineData("v=spf1 ip4:1.2.3", 11, "not an IPv4 address")]
    [InlineData("v=spf1 ip4:1.2.3.4/33", 18, "bad prefix length")]
    [InlineData("v=spf1 ip4:1.2.3.4/", 18, "bad prefix length")]
    [InlineData("v=spf1 ip6:1.2.3.4", 11, "not an IPv6 address")]
    [InlineData("v=spf1 ip6:::1/129", 14, "bad prefix length")]
    [InlineData("v=spf1 ptr/24", 10, "ptr takes no prefix length")]
    [InlineData("v=spf1 a/33", 8, "bad prefix length for IPv4")]
    [InlineData("v=spf1 a//129", 9, "bad prefix length for IPv6")]
    [InlineData("v=spf1 a/24/32", 8, "neither domain nor prefix length")]
    [InlineData("v=spf1 mx/024", 9, "bad prefix length for IPv4")]
    [InlineData("v=spf1 a:museum", 9, "domain does not end in a top label")]
    [InlineData("v=spf1 a:1.2.3.4", 9, "domain does not end in a top label")]
    [InlineData("v=spf1 a:b.c-", 9, "domain does not end in a top label")]
    [InlineData("v=spf1 a:b.%{d}c", 9, "domain does not end in a top label")]
    [InlineData("v=spf1 a:%{d}.", 9, "domain does not end in a top label")]
    [InlineData("v=spf1 exists:%{d", 17, "macro without end")]
    [InlineData("v=spf1 exists:%{dx}.b", 17, "macro without end")]
    [InlineData("v=spf1 exists:%{d0}.b", 17, "zero parts")]
    [InlineData("v=spf1 exists:%{x}.b", 16, "unknown macro")]
    [InlineData("v=spf1 exists:%{[}.b", 16, "unknown macro")]
    [InlineData("v=spf1 exists:%{c}.b", 16, "macro that only an explanation may use")]
    [InlineData("v=spf1 exists:a.%", 16, "percent sign without a macro")]
    [InlineData("v=spf1 exp=%{t}.b", 13, "macro that only an explanation may use")]
    [InlineData("v=spf1 +redirect=a.b", 7, "modifier with a qualifier")]
    [InlineData("v=spf1 redirect=a.b redirect=a.b", 20, "second redirect")]
    [InlineData("v=spf1 exp=a.b exp=a.b", 15, "second exp")]
    [InlineData("v=spf1 redirect=", 16, "domain missing")]
    [InlineData("v=spf1 =all", 7, "not a name of a modifier")]
    [InlineData("v=spf1 a b=%", 11, "percent sign without a macro")]
    public void SpfRecord_says_where_it_is_wrong(string text, int position, string message)
    {
        Assert.False(SpfRecord.TryParse(text, out var record, out var error));
        Assert.Null(record);
        Assert.Equal(new SpfSyntaxError(position, message), error);
    }

    [Fact]
    public void SpfRecord_gives_its_terms_in_order()
    {
        Assert.True(SpfRecord.TryParse("v=spf1  +MX/24//64 -a:a/b.example.org//0 ~ip4:192.0.2.0/25 ?ip6:2001:DB8::/32 exists:%{ir}.%{v}._spf.%{d2} exp=why.%{o} x-y_z.1=%{c}/:a INCLUDE:b.example. ", out var record, out _));
        var position = 0;
        List<string> terms = [];
        while (record.TryReadTerm(ref position, out var term))
        {
            terms.Add(string.Create(CultureInfo.InvariantCulture, $"{term.Qualifier} {term.Kind} {record.DomainOf(term)} {term.Network:x} {term.Ip4Prefix} {term.Ip6Prefix}"));
        }

        Assert.Equal(
            [
                "Pass Mx  0 24 64",
                "Fail A a/b.example.org 0 32 0",
                "SoftFail Ip4  c0000200 25 128",
                "Neutral Ip6  20010db8000000000000000000000000 32 32",
                "Pass Exists %{ir}.%{v}._spf.%{d2} 0 32 128",
                "Pass Explanation why.%{o} 0 32 128",
                "Pass UnknownModifier  0 32 128",
                "Pass Include b.example. 0 32 128",
            ],
            terms);
        Assert.Null(record.Redirect);
        Assert.Equal("exp=why.%{o}", record.TextOf(record.Explanation!.Value));
    }

    [Fact]
    public void SpfRecord_takes_every_record_of_the_grammar()
    {
        var label = Gen.Elements("example", "a", "x-1", "_spf", "%{d}", "%{ir}", "%{l1r+-}", "a%%b", "%-", "a/b", "c:d", "%{S}");
        var domain = from labels in label.ListOf() from end in Gen.Elements(".org", ".a-1", ".1a.", "%{d2}", "%_") select string.Join('.', labels) + end;
        var prefix = Gen.Elements("", "/0", "/32", "//0", "//128", "/9//99");
        var term = Gen.OneOf(
            Gen.Elements("all", "a", "mx", "ptr", "ip4:1.2.3.4", "ip4:0.0.0.0/0", "ip6:::/0", "ip6:1:2:3:4:5:6:7:8"),
            domain.Select(d => $"include:{d}"),
            domain.Select(d => $"exists:{d}"),
            domain.Select(d => $"ptr:{d}"),
            from name in Gen.Elements("a", "mx", "MX") from cidr in prefix select name + cidr,
            from name in Gen.Elements("a", "mx") from d in domain from cidr in prefix select $"{name}:{d}{cidr}");
        var modifier = Gen.Elements("x=", "y.z=%{c}%%");
        var directive = Gen.OneOf(modifier, from qualifier in Gen.Elements("", "+", "-", "~", "?") from text in term select qualifier + text);
        var record = from terms in directive.ListOf()
                     from space in Gen.Elements(" ", "   ")
                     from d in domain
                     select (Terms: terms.Append($"redirect={d}").ToList(), Text: $"v=spf1{space}{string.Join(space, terms.Append($"redirect={d}"))}{space}");
        Check(Arb.From(record), sample =>
        {
            Assert.True(SpfRecord.TryParse(sample.Text, out var parsed, out var error), $"{sample.Text}: {error}");
            var position = 0;
            List<string> terms = [];
            while (parsed.TryReadTerm(ref position, out var read))
            {
                terms.Add(parsed.TextOf(read).ToString());
            }

            Assert.Equal(sample.Terms, terms);
            Assert.NotNull(parsed.Redirect);
        });
    }

    [Fact]
    public void SpfRecord_answers_whatever_the_text_is()
    {
        var token = Gen.Frequency(
            (8, Gen.Elements(" ", "a", "mx", "ip4:", "ip6:", "::", "1.2.3.4", "/", "//", "32", "%", "%{", "}", "{d", "r", "2", "include:", "redirect=", "exp=", "exists:", "-", "+", ".", ":", "=", "all", "org", "%%")),
            (1, Gen.Choose(0, 0xFFFF).Select(c => ((char)c).ToString())));
        Check(Arb.From(token.ListOf().Select(parts => "v=spf1 " + string.Concat(parts))), text =>
        {
            if (SpfRecord.TryParse(text, out var record, out var error))
            {
                Assert.DoesNotContain(text, c => c is < ' ' or > '~');
                Assert.Equal(text, record.Text);
            }
            else
            {
                Assert.InRange(error.Position, 0, text.Length);
                Assert.False(error.Message.AsSpan().ContainsAnyExceptInRange(' ', '~'));
            }
        }, 5000);
    }

    [Fact]
    public void Addresses_are_read_as_the_system_reads_them()
    {
        var hextet = Gen.Elements("0", "1", "ffff", "DB8", "0a0b", "12345", "g", "");
        var text = Gen.OneOf(
            hextet.ListOf().Select(groups => string.Join(':', groups)),
            from one in hextet.ListOf()
            from gap in Gen.Elements("::", ":", "")
            from two in hextet.ListOf()
            from end in Gen.Elements("", "1.2.3.4", ":1.2.3.4", "1.2.3", "1.2.3.256", "01.2.3.4")
            select string.Join(':', one) + gap + string.Join(':', two) + end);
        Check(Arb.From(text), address =>
        {
            var isSystems = IPAddress.TryParse(address, out var parsed) && parsed.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
            Assert.Equal(isSystems, AddressText.TryParseIp6(address, out var ours));
            if (isSystems)
            {
                Assert.Equal(System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(parsed!.GetAddressBytes()), ours);
            }
        }, 5000);
        Check(Arb.From(Gen.Choose(0, int.MaxValue).Select(bits => new IPAddress(bits))), address =>
        {
            Assert.True(AddressText.TryParseIp4(address.ToString(), out var ours));
            Assert.Equal(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes()), ours);
        });
    }

    [Theory]
    [InlineData("a ")]
    [InlineData("ip4:192.0.2.1/32 ")]
    [InlineData("ip6:2001:db8:0:0:1:2:3:4 ")]
    [InlineData("x=%{s}%{l}%{r1r.-+,/_=} ")]
    [InlineData("exists:%{ir}.example.org/x.org ")]
    public void SpfRecord_of_a_hundred_thousand_terms_costs_no_memory(string term)
    {
        var text = "v=spf1 " + new StringBuilder().Insert(0, term, 100_000);
        Assert.True(SpfRecord.TryParse(text, out _, out _));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(SpfRecord.TryParse(text, out var record, out _));
        var position = 0;
        var terms = 0;
        while (record.TryReadTerm(ref position, out _))
        {
            terms++;
        }

        Assert.Equal(100_000, terms);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4096);
    }

    [Fact]
    public void SpfRecord_refuses_a_domain_that_serves_only_to_burn_time()
    {
        Assert.False(SpfRecord.TryParse($"v=spf1 a:{new StringBuilder().Insert(0, "%{s}", 20_000)}", out _, out var error));
        Assert.Equal(new(9, "domain too long"), error);
    }

    private static void Check<T>(Arbitrary<T> arbitrary, Action<T> body, int runs = 1000) =>
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(runs).WithQuietOnSuccess(true), Prop.ForAll(arbitrary, body));
}
