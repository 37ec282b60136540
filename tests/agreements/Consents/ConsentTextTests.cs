using System.Buffers;
using System.Text;
using Mailkey.Agreements.Agreements;
using Mailkey.Agreements.Consents;
using Mailkey.Agreements.Decisions;
using Mailkey.Agreements.Keys;
using Mailkey.Agreements.Tests.Agreements;
using Mailkey.Mime.Reports;

namespace Mailkey.Agreements.Tests.Consents;

/// <summary>What a user reads before saying yes, when whoever asks is not honest.</summary>
public sealed class ConsentTextTests
{
    [Theory]
    [InlineData("a.example", "a.example")]
    [InlineData("xn--bcher-kva.example", "xn--bcher-kva.example (reads bücher.example)")]
    [InlineData("xn--80ak6aa92e.com", "xn--80ak6aa92e.com (reads аррӏе.com)")]
    [InlineData("xn--pple-43d.com", "xn--pple-43d.com")]
    [InlineData("xn--a.example", "xn--a.example")]
    public void ShownName_of_a_domain_is_what_dns_has_and_a_reading_only_where_no_label_mixes_scripts(string domain, string shown) =>
        Assert.Equal(shown, ShownName.OfDomain(domain));

    [Theory]
    [InlineData("Developers", "\"Developers\"")]
    [InlineData("x\" <b@c.example>", "\"x' <b[at]c.example>\"")]
    [InlineData("see https://evil.example or www.evil.example", "\"see https[:]//evil.example or www[.]evil.example\"")]
    [InlineData("a\r\nBcc: x\u202e", "\"a??Bcc[:] x?\"")]
    public void ShownName_of_a_text_has_no_link_no_address_and_no_way_out_of_its_quotes(string text, string shown) => Assert.Equal(shown, ShownName.Quoted(text));

    [Fact]
    public void ConsentText_follows_from_the_agreement_fits_and_differs_from_reminder_to_reminder()
    {
        var state = Largest();
        var first = ConsentText.Of(state, 1, 0);
        Assert.Equal(first, ConsentText.Of(state, 1, 0));
        Assert.NotEqual(first, ConsentText.Of(state, 1, 1));
        Assert.NotEqual(ConsentText.Of(state, 1, 1), ConsentText.Of(state, 1, 2));
        Assert.True(SingleLine.IsAcceptableText(ConsentText.Of(state, 1, 2), Consent.MaxTextLength));
        Assert.Contains("Nobody has checked these words", first, StringComparison.Ordinal);
    }

    [Fact]
    public void NoticeWriter_leaves_nobody_a_way_into_the_header()
    {
        var octets = new ArrayBufferWriter<byte>();
        NoticeWriter.Write(
            new()
            {
                From = "postmaster@mx.example\r\nBcc: x@evil.example",
                FromName = "A \"system\"\r\nX: y",
                To = "b@b.example>\r\nX-Evil: yes",
                Subject = "Ümlaut\r\nX-Evil: yes",
                Date = DateTimeOffset.UnixEpoch,
                MessageId = "<a@b>",
                Text = ["Line", "with\r\nX-Evil: yes", "\u202eevil"],
            },
            octets);
        var mail = Encoding.UTF8.GetString(octets.WrittenSpan);
        var header = mail[..mail.IndexOf("\r\n\r\n", StringComparison.Ordinal)];
        Assert.Equal(
            ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"],
            header.Split("\r\n").Where(line => !line.StartsWith(' ')).Select(line => line.Split(':')[0]));
        Assert.All(header, c => Assert.True(c is '\r' or '\n' or (>= ' ' and <= '~'), $"{(int)c}"));
        Assert.DoesNotContain("\u202e", mail, StringComparison.Ordinal);
    }

    // As long as everything in a proposal may be.
    private static AgreementState Largest()
    {
        var story = new Story();
        var decided = story.Try(Story.Proposal with
        {
            Recipient = $"{new string('r', 64)}@b.example",
            Category = new string('c', Agreement.MaxCategoryLength),
            Subscription = new string('@', SubscriptionKey.MaxSubscriptionLength),
            DisplayName = new string(':', Agreement.MaxDisplayNameLength),
            Terms = Story.Terms with
            {
                Dnsbl = DnsblTerm.SkipZones,
                DnsblZones = [.. Enumerable.Range(0, Terms.MaxZones).Select(i => $"{new string((char)('a' + i), 60)}.{new string('z', 60)}.{new string('z', 60)}.example")],
                Feedback = new(FeedbackFormat.Arf, $"{new string('@', 0)}{new string('f', 64)}@a.example"),
            },
        });
        Assert.Null(decided.Refusal);
        return story.State;
    }
}
