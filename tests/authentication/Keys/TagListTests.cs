using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Mailkey.Authentication.Tests.Keys;

public sealed class TagListTests
{
    private static string Read(string text)
    {
        if (!TagList.TryParse(Encoding.Latin1.GetBytes(text), out var list, out var error))
        {
            return $"{error.Position}: {error.Message}";
        }

        var result = new StringBuilder();
        for (var i = 0; i < list.Count; i++)
        {
            result.Append(Encoding.Latin1.GetString(list[i].Name)).Append('[').Append(Encoding.Latin1.GetString(list[i].Value)).Append(']');
        }

        return result.ToString();
    }

    [Theory]
    [InlineData("v=1", "v[1]")]
    [InlineData("v=1;", "v[1]")]
    [InlineData("v=1; ", "v[1]")]
    [InlineData(" v = 1 ; a=b ", "v[1]a[b]")]
    [InlineData("p=", "p[]")]
    [InlineData("p=;q= ;r=x=y==", "p[]q[]r[x=y==]")]
    [InlineData("b=AB\r\n\tCD\r\n EF", "b[AB\r\n\tCD\r\n EF]")]
    [InlineData("x_1=a b  c", "x_1[a b  c]")]
    [InlineData("V=1;v=2", "V[1]v[2]")]
    [InlineData("unknown=kept; v=1", "unknown[kept]v[1]")]
    public void TagList_reads_what_the_grammar_allows(string text, string expected) => Assert.Equal(expected, Read(text));

    [Theory]
    [InlineData("", "0: no tag")]
    [InlineData("  ", "2: no tag")]
    [InlineData(";", "0: expected the name of a tag")]
    [InlineData("v=1;;a=2", "4: expected the name of a tag")]
    [InlineData("1v=1", "0: expected the name of a tag")]
    [InlineData("v-1=1", "1: expected \"=\"")]
    [InlineData("v=1; v=1", "5: duplicate tag")]
    [InlineData("v=1\r\n", "3: line end that is not folding white space")]
    [InlineData("v=1\na=2", "3: line end that is not folding white space")]
    [InlineData("v=a\0b", "3: control character")]
    [InlineData("p=;q= ;r", "8: expected \"=\"")]
    public void TagList_says_where_it_is_wrong(string text, string expected) => Assert.Equal(expected, Read(text));

    [Fact]
    public void TagList_takes_forty_tags_and_no_more()
    {
        var most = string.Join(';', Enumerable.Range(0, TagList.MaxTags).Select(i => $"t{i}=x"));
        Assert.StartsWith("t0[x]", Read(most), StringComparison.Ordinal);
        Assert.EndsWith("too many tags", Read(most + ";more=x"), StringComparison.Ordinal);
    }

    [Fact]
    public void TagList_gives_the_place_of_a_value()
    {
        var text = "a=1; b = XY\r\n Z ;c=3"u8;
        Assert.True(TagList.TryParse(text, out var list, out _));
        Assert.True(list.TryGet("b"u8, out var tag));
        Assert.Equal(9, tag.ValueStart);
        Assert.True(tag.Value.SequenceEqual("XY\r\n Z"u8));
        Assert.False(list.TryGet("B"u8, out _));
    }

    [Theory]
    [InlineData("AQID", "010203")]
    [InlineData("AQ\r\n ID", "010203")]
    [InlineData("AQI=", "0102")]
    [InlineData("AQI", null)]
    [InlineData("A*ID", null)]
    public void TagList_decodes_folded_base64(string value, string? hex)
    {
        var decoded = TagList.TryDecodeBase64(Encoding.Latin1.GetBytes(value), out var octets);
        Assert.Equal(hex is not null, decoded);
        if (hex is not null)
        {
            Assert.Equal(hex, Convert.ToHexString(octets!));
        }
    }

    [Fact]
    public void TagList_never_throws_and_points_into_its_text()
    {
        var octet = Gen.OneOf(Gen.Elements("vbsp=; \t\r\n_1"u8.ToArray()), Gen.Choose(0, 255).Select(i => (byte)i));
        Prop.ForAll(Arb.From(octet.ArrayOf()), text =>
        {
            if (!TagList.TryParse(text, out var list, out var error))
            {
                return error.Position >= 0 && error.Position <= text.Length && error.Message.Length > 0;
            }

            for (var i = 0; i < list.Count; i++)
            {
                if (!text.AsSpan(list[i].ValueStart).StartsWith(list[i].Value) || !text.AsSpan(list[i].NameStart).StartsWith(list[i].Name))
                {
                    return false;
                }
            }

            return list.Count > 0;
        }).QuickCheckThrowOnFailure();
    }
}
