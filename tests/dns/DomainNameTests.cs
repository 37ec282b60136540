using FsCheck;
using FsCheck.Fluent;

namespace Mailkey.Dns.Tests;

public sealed class DomainNameTests
{
    private static readonly string Label63 = new('a', 63);

    [Theory]
    [InlineData("example.org", "example.org")]
    [InlineData("EXAMPLE.Org.", "example.org")]
    [InlineData("localhost", "localhost")]
    [InlineData("bücher.example", "xn--bcher-kva.example")]
    [InlineData("BÜCHER.example", "xn--bcher-kva.example")]
    [InlineData("bu\u0308cher.example", "xn--bcher-kva.example")]
    [InlineData("例え\u3002テスト", "xn--r8jz45g.xn--zckzah")]
    [InlineData("_dmarc.example.org", "_dmarc.example.org")]
    [InlineData("a-b.1x.org", "a-b.1x.org")]
    public void DomainName_has_one_form(string name, string expected)
    {
        Assert.True(DomainName.TryNormalize(name, out var ascii));
        Assert.Equal(expected, ascii);
        Assert.True(DomainName.TryNormalize(name.AsSpan(), out ascii));
        Assert.Equal(expected, ascii);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData(".")]
    [InlineData("example..org")]
    [InlineData(".example.org")]
    [InlineData("example.org..")]
    [InlineData("-a.org")]
    [InlineData("a-.org")]
    [InlineData("a b.org")]
    [InlineData("a\0.org")]
    [InlineData("a\r\n.org")]
    [InlineData("[192.0.2.1]")]
    [InlineData("a\u202Eb.org")]
    [InlineData("\uD800.org")]
    [InlineData("a@b.org")]
    public void DomainName_refuses_what_is_none(string? name) => Assert.False(DomainName.TryNormalize(name, out _));

    [Fact]
    public void DomainName_knows_the_limits()
    {
        var longest = $"{Label63}.{Label63}.{Label63}.{new string('b', 61)}";
        Assert.Equal(DomainName.MaxLength, longest.Length);
        Assert.True(DomainName.TryNormalize(longest, out _));
        Assert.True(DomainName.TryNormalize(longest + ".", out _));
        Assert.False(DomainName.TryNormalize(longest + "b", out _));
        Assert.False(DomainName.TryNormalize($"{Label63}a.org", out _));
        Assert.False(DomainName.TryNormalize(new string('ü', 63) + ".org", out _));
        Assert.False(DomainName.TryNormalize(new string('ü', 100_000), out _));
    }

    [Fact]
    public void DomainName_returns_a_normal_name_itself()
    {
        var name = "mail.example.org";
        Assert.True(DomainName.TryNormalize(name, out var ascii));
        Assert.Same(name, ascii);
    }

    [Theory]
    [InlineData("example.org", "example.org", true)]
    [InlineData("a.example.org", "example.org", true)]
    [InlineData("aexample.org", "example.org", false)]
    [InlineData("org", "example.org", false)]
    public void DomainName_knows_what_lies_within(string name, string domain, bool expected) => Assert.Equal(expected, DomainName.IsWithin(name, domain));

    [Fact]
    public void DomainName_is_stable_for_anything() => Prop.ForAll<string>(text =>
        !DomainName.TryNormalize(text, out var once) || (DomainName.TryNormalize(once, out var twice) && once == twice && once.Length <= DomainName.MaxLength))
        .QuickCheckThrowOnFailure();
}
