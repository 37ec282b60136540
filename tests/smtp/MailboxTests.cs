using System.Net;
using System.Text;

namespace Mailkey.Smtp.Tests;

public sealed class MailboxTests
{
    [Theory]
    [InlineData("user@example.org", "user", "example.org")]
    [InlineData("User.Name+tag@EXAMPLE.org", "User.Name+tag", "example.org")]
    [InlineData("\"a b\"@example.org", "a b", "example.org")]
    [InlineData("\"a\\\"b@c\"@example.org", "a\"b@c", "example.org")]
    [InlineData("\"\"@example.org", "", "example.org")]
    [InlineData("a%b!c=d/e@x", "a%b!c=d/e", "x")]
    [InlineData("a@[192.0.2.1]", "a", "[192.0.2.1]")]
    [InlineData("a@[IPv6:2001:DB8::1]", "a", "[ipv6:2001:db8::1]")]
    [InlineData("a@[tag:content]", "a", "[tag:content]")]
    [InlineData("usér@bücher.example", "usér", "xn--bcher-kva.example")]
    [InlineData("a@BÜCHER.example", "a", "xn--bcher-kva.example")]
    [InlineData("a@faß.example", "a", "xn--fa-hia.example")]
    public void Mailbox_has_the_local_part_that_is_meant_and_the_domain_to_compare(string text, string localPart, string asciiDomain)
    {
        Assert.True(Mailbox.TryParse(text, out var mailbox, out _));
        Assert.Equal(text, mailbox!.Text);
        Assert.Equal(localPart, mailbox.LocalPart);
        Assert.Equal(asciiDomain, mailbox.AsciiDomain);
    }

    [Theory]
    [InlineData("")]
    [InlineData("user")]
    [InlineData("@example.org")]
    [InlineData("user@")]
    [InlineData(".user@example.org")]
    [InlineData("user.@example.org")]
    [InlineData("us..er@example.org")]
    [InlineData("us er@example.org")]
    [InlineData("user@example..org")]
    [InlineData("user@.example.org")]
    [InlineData("user@example.org.")]
    [InlineData("user@-example.org")]
    [InlineData("user@example-.org")]
    [InlineData("user@exam_ple.org")]
    [InlineData("user@exa mple.org")]
    [InlineData("user@example.org@example.net")]
    [InlineData("\"user@example.org")]
    [InlineData("\"us\ner\"@example.org")]
    [InlineData("\"us\\\ner\"@example.org")]
    [InlineData("\"user\\")]
    [InlineData("user\0@example.org")]
    [InlineData("a@[192.0.2.256]")]
    [InlineData("a@[192.0.2]")]
    [InlineData("a@[IPv6:192.0.2.1]")]
    [InlineData("a@[IPv6:fe80::1%eth0]")]
    [InlineData("a@[IPv6:]")]
    [InlineData("a@[:x]")]
    [InlineData("a@[]")]
    [InlineData("a@[192.0.2.1")]
    public void Mailbox_refuses_what_the_grammar_does_not_have(string text)
    {
        Assert.False(Mailbox.TryParse(text, out var mailbox, out var error));
        Assert.Null(mailbox);
        Assert.NotNull(error.Reason);
    }

    [Theory]
    [InlineData("a\u202eb@example.org")] // right-to-left override
    [InlineData("a\u200fb@example.org")]
    [InlineData("a\u2066b@example.org")]
    [InlineData("a\u200bb@example.org")] // zero-width space
    [InlineData("a\ufeffb@example.org")]
    [InlineData("a\u0085b@example.org")] // C1 control
    [InlineData("a\u2028b@example.org")]
    [InlineData("a\u00a0b@example.org")]
    [InlineData("e\u0301@example.org")] // not NFC
    [InlineData("a\ufffeb@example.org")]
    [InlineData("a@e\u0301.example")]
    [InlineData("a@\uff45xample.org")] // full-width e
    [InlineData("a@example\u3002org")] // ideographic full stop
    [InlineData("a@exa\u00admple.org")] // soft hyphen, which a mapping would drop
    [InlineData("a@b\u202ec.example")]
    public void Mailbox_refuses_utf8_that_looks_like_something_else(string text) => Assert.False(Mailbox.TryParse(text, out _, out _));

    [Fact]
    public void Mailbox_refuses_ill_formed_utf8() => Assert.False(Mailbox.TryParse("a\xc3@example.org"u8[..2].ToArray().Concat("@x"u8.ToArray()).ToArray(), out _, out _));

    [Fact]
    public void Mailbox_keeps_the_limits_of_its_parts()
    {
        var label = new string('d', 63);
        Assert.True(Mailbox.TryParse($"{new string('a', 64)}@x", out _, out _));
        Assert.False(Mailbox.TryParse($"{new string('a', 65)}@x", out _, out _));
        Assert.True(Mailbox.TryParse($"a@{label}.x", out _, out _));
        Assert.False(Mailbox.TryParse($"a@{label}d.x", out _, out _));
        Assert.True(Mailbox.TryParse($"aa@{label}.{label}.{label}.{new string('d', 59)}", out _, out _));
        Assert.False(Mailbox.TryParse($"aaa@{label}.{label}.{label}.{new string('d', 59)}", out _, out _));
    }

    [Fact]
    public void Mailbox_knows_the_address_of_a_literal()
    {
        Assert.True(Mailbox.TryParse("a@[IPv6:2001:db8::1]", out var ipv6, out _));
        Assert.True(Mailbox.TryParse("a@[192.0.2.1]", out var ipv4, out _));
        Assert.True(Mailbox.TryParse("a@example.org", out var name, out _));
        Assert.Equal(IPAddress.Parse("2001:db8::1"), ipv6!.LiteralAddress);
        Assert.Equal(IPAddress.Parse("192.0.2.1"), ipv4!.LiteralAddress);
        Assert.Null(name!.LiteralAddress);
    }

    [Fact]
    public void Mailbox_parser_is_total_and_keeps_what_it_takes() =>
        Property.Octets("@", ".", "a", "\"", "\\", "[", "]", "IPv6:", "::", "192.0.2.1", "xn--", "example", "ü", "-", " ", "user@").Check(
            input =>
            {
                if (!Mailbox.TryParse(input, out var mailbox, out var error))
                {
                    Assert.InRange(error.Position, 0, input.Length);
                    return;
                }

                Assert.Equal(input, Encoding.UTF8.GetBytes(mailbox!.Text));
                Assert.True(Ascii.IsValid(mailbox.AsciiDomain));
                Assert.True(Mailbox.TryParse(mailbox.Text, out var again, out _));
                Assert.Equal(mailbox.LocalPart, again!.LocalPart);
            },
            runs: 5000);

    [Fact]
    public void ReversePath_of_empty_text_is_null()
    {
        Assert.True(ReversePath.TryParse("", out var path, out _));
        Assert.True(path.IsNull);
        Assert.Equal("<>", path.ToString());
    }

    [Fact]
    public void ForwardPath_may_be_postmaster_alone()
    {
        Assert.True(ForwardPath.TryParse("PostMaster", out var path, out _));
        Assert.True(path.IsPostmaster);
        Assert.Equal("PostMaster", path.Text);
        Assert.False(ForwardPath.TryParse("root", out _, out _));
    }

    [Theory]
    [InlineData("rfc822;a+2Bb", true)]
    [InlineData("a=b", false)]
    [InlineData("a+2b", false)]
    [InlineData("a+2", false)]
    [InlineData("a b", false)]
    public void Xtext_is_checked(string text, bool isValid) => Assert.Equal(isValid, Xtext.IsValid(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Xtext_decodes_what_it_encodes() => Property.Octets("+", "=", "+41", "a", "ü", " ").Check(input =>
    {
        var text = Encoding.UTF8.GetString(input);
        Assert.Equal(text, Xtext.Decode(Xtext.Encode(text)));
        Assert.True(Xtext.IsValid(Encoding.UTF8.GetBytes(Xtext.Encode(text))));
        _ = Xtext.IsValid(input);
    });

    [Fact]
    public void Printable_escapes_controls_and_cuts()
    {
        Assert.Equal("a\\x1b[31m\\x0d\\x0a\\xc3\\xbc\\x5c", Printable.Escape("a\x1b[31m\r\nü\\"));
        Assert.Equal("plain text", Printable.Escape("plain text"u8));
        Assert.Equal("aaaa…", Printable.Escape("aaaaa", 4));
    }

    [Fact]
    public void QueueId_sorts_by_time_and_never_repeats()
    {
        var ids = new QueueId(TimeProvider.System);
        var made = Enumerable.Range(0, 20_000).Select(_ => ids.Next()).ToArray();

        Assert.All(made, id => Assert.Equal(QueueId.Length, id.Length));
        Assert.True(made.SequenceEqual(made.Order(StringComparer.Ordinal), StringComparer.Ordinal));
        Assert.Equal(made.Length, made.Distinct(StringComparer.Ordinal).Count());
        Assert.NotEqual(made[0][^5..], new QueueId(TimeProvider.System).Next()[^5..], StringComparer.Ordinal);
    }
}
