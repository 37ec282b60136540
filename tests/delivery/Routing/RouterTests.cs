using FsCheck;
using FsCheck.Fluent;
using Mailkey.Delivery.Routing;
using Mailkey.Hosting.Options;
using Microsoft.Extensions.Options;

namespace Mailkey.Delivery.Tests.Routing;

public sealed class RouterTests
{
    private readonly Router _router = new(Options.Create(new MailkeyOptions
    {
        NextHop = "lmtp://[::1]:24",
        Domains = [new() { Name = "Example.org" }, new() { Name = "bücher.example", NextHop = "maildir" }, new() { Name = "example.net", NextHop = "smtp://mailbox.internal:2525" }],
    }));

    [Theory]
    [InlineData("a@example.org", "lmtp://[::1]:24")]
    [InlineData("a@EXAMPLE.ORG", "lmtp://[::1]:24")]
    [InlineData("a@xn--bcher-kva.example", "maildir")]
    [InlineData("ä@bücher.example", "maildir")]
    [InlineData("\"a b\"@example.net", "smtp://mailbox.internal:2525")]
    [InlineData("a@elsewhere.example", "elsewhere.example")]
    [InlineData("a@sub.example.org", "sub.example.org")]
    [InlineData("Postmaster", "lmtp://[::1]:24")]
    [InlineData("a@[192.0.2.1]", "[192.0.2.1]")]
    [InlineData("no address", null)]
    [InlineData("a@example.org\r\nRCPT TO:<b@example.org>", null)]
    public void Router_finds_the_next_hop(string forwardPath, string? expected) => Assert.Equal(expected, _router.Find(forwardPath)?.ToString());

    [Theory]
    [InlineData("bob+lists@listed.example", "bob")]
    [InlineData("Bob+a+b@listed.example", "Bob")]
    [InlineData("sales+eu@listed.example", "sales+eu")]
    [InlineData("sales+us@listed.example", "sales+us")]
    [InlineData("+x@listed.example", "+x")]
    [InlineData("bob@listed.example", "bob")]
    [InlineData("bob+lists@any.example", "bob+lists")]
    [InlineData("bob+lists@example.org", "bob+lists")]
    public void Router_gives_the_mail_of_a_detail_to_the_mailbox_it_was_taken_for(string forwardPath, string localPart)
    {
        Router router = new(Options.Create(new MailkeyOptions
        {
            Domains = [new() { Name = "listed.example", Recipients = ["bob", "sales+eu"] }, new() { Name = "any.example", Recipients = ["bob", "*"] }, new() { Name = "example.org" }],
        }));

        router.Locate(forwardPath, out var mailbox);

        Assert.Equal(localPart, mailbox.LocalPart);
    }

    [Theory]
    [InlineData("maildir", true)]
    [InlineData("lmtp://host:24", true)]
    [InlineData("lmtp://host", false)]
    [InlineData("lmtp://host:25", false)]
    [InlineData("smtp://host", true)]
    [InlineData("smtp://192.0.2.1:2525", true)]
    [InlineData("smtp://user@host", false)]
    [InlineData("smtp://host/path", false)]
    [InlineData("http://host:80", false)]
    [InlineData("", false)]
    public void NextHop_is_read(string text, bool isValid)
    {
        Assert.Equal(isValid, NextHop.TryParse(text, out var nextHop));
        if (isValid)
        {
            Assert.True(NextHop.TryParse(nextHop!.ToString(), out var again));
            Assert.Equal(nextHop, again);
        }
    }

    [Fact]
    public void NextHop_survives_any_text() => Prop.ForAll<string?>(text => { _ = NextHop.TryParse(text ?? "", out _); }).QuickCheckThrowOnFailure();
}
