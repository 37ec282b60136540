using Mailkey.Agreements.Agreements;

namespace Mailkey.Agreements.Tests.Agreements;

public sealed class TermsTests
{
    private static readonly TermsLimits Limits = new();

    public static TheoryData<string, Terms> Bad => new()
    {
        { "terms-invalid", Story.Terms with { Rate = 0 } },
        { "terms-invalid", Story.Terms with { Rate = -1 } },
        { "terms-invalid", Story.Terms with { Size = 0 } },
        { "terms-invalid", Story.Terms with { Expires = Story.Start } },
        { "terms-invalid", Story.Terms with { Dnsbl = (DnsblTerm)7 } },
        { "terms-invalid", Story.Terms with { Spf = (SpfTerm)7 } },
        { "terms-invalid", Story.Terms with { Mailkey = (MailkeyTerm)7 } },
        { "terms-invalid", Story.Terms with { Feedback = null! } },
        { "terms-invalid", Story.Terms with { Feedback = new((FeedbackFormat)7, null) } },
        { "terms-invalid", Story.Terms with { Feedback = new(FeedbackFormat.Arf, null) } },
        { "terms-invalid", Story.Terms with { Feedback = new(FeedbackFormat.Arf, "abuse@[192.0.2.1]") } },
        { "terms-invalid", Story.Terms with { Feedback = new(FeedbackFormat.Arf, "abuse@a.example\r\nBcc: x@y.example") } },
        { "terms-invalid", Story.Terms with { Feedback = new(FeedbackFormat.Off, "abuse@a.example") } },
        { "terms-invalid", Story.Terms with { DnsblZones = ["bl.example"] } },
        { "terms-invalid", Story.Terms with { Dnsbl = DnsblTerm.SkipZones } },
        { "terms-invalid", Story.Terms with { Dnsbl = DnsblTerm.SkipZones, DnsblZones = ["b l"] } },
        { "terms-invalid", Story.Terms with { Dnsbl = DnsblTerm.SkipZones, DnsblZones = [.. Enumerable.Range(0, 17).Select(i => $"bl{i}.example")] } },
        { "terms-beyond-limits", Story.Terms with { Rate = 10_001 } },
        { "terms-beyond-limits", Story.Terms with { Size = (50L << 20) + 1 } },
    };

    [Theory]
    [MemberData(nameof(Bad), DisableDiscoveryEnumeration = true)]
    public void Terms_are_refused_with_a_reason(string code, Terms terms)
    {
        var refusal = terms.Check(Limits, Story.Start, out _);
        Assert.Equal(code, refusal?.Code);
    }

    [Fact]
    public void Terms_keep_to_what_the_operator_gives()
    {
        Assert.Null(Story.Terms.Check(Limits, Story.Start, out _));
        Assert.Equal("terms-beyond-limits", Story.Terms.Check(Limits with { DnsblSkip = false }, Story.Start, out _)?.Code);
        Assert.Equal("terms-beyond-limits", Story.Terms.Check(Limits with { SpfIgnore = false }, Story.Start, out _)?.Code);
        var year = Limits with { Lifetime = TimeSpan.FromDays(365) };
        Assert.Equal("terms-beyond-limits", Story.Terms.Check(year, Story.Start, out _)?.Code);
        Assert.Equal("terms-beyond-limits", (Story.Terms with { Expires = Story.Start.AddDays(366) }).Check(year, Story.Start, out _)?.Code);
        Assert.Null((Story.Terms with { Expires = Story.Start.AddDays(365) }).Check(year, Story.Start, out _));
    }

    [Fact]
    public void Terms_are_kept_in_one_form()
    {
        var terms = Story.Terms with { Dnsbl = DnsblTerm.SkipZones, DnsblZones = ["Z.example.", "a.EXAMPLE", "z.example"], Expires = new(2027, 1, 1, 2, 0, 0, TimeSpan.FromHours(2)) };
        Assert.Null(terms.Check(Limits, Story.Start, out var normal));
        Assert.Equal(["a.example", "z.example"], normal.DnsblZones!);
        Assert.Equal(TimeSpan.Zero, normal.Expires!.Value.Offset);
        Assert.Equal(normal, normal with { DnsblZones = ["a.example", "z.example"] });
        Assert.NotEqual(normal, normal with { DnsblZones = ["a.example"] });
    }

    [Fact]
    public void Terms_that_grant_no_more_are_known_as_such()
    {
        var terms = Story.Terms with { Expires = Story.Start.AddDays(30) };
        Assert.True(terms.GrantNoMoreThan(terms));
        Assert.True(terms.GrantNoMoreThan(terms with { Expires = null }));
        Terms[] less =
        [
            terms with { Dnsbl = DnsblTerm.Check }, terms with { Dnsbl = DnsblTerm.SkipZones, DnsblZones = ["a.example"] }, terms with { Spf = SpfTerm.ForwarderDomain },
            terms with { Mailkey = MailkeyTerm.Enforce }, terms with { Feedback = Feedback.Off }, terms with { Rate = 1 }, terms with { Size = 1 }, terms with { Expires = Story.Start.AddDays(29) },
        ];
        Assert.All(less, lesser =>
        {
            Assert.True(lesser.GrantNoMoreThan(terms));
            Assert.False(terms.GrantNoMoreThan(lesser));
        });
        Assert.False((terms with { Feedback = new(FeedbackFormat.Arf, "other@a.example") }).GrantNoMoreThan(terms));
        Assert.False((terms with { Expires = null }).GrantNoMoreThan(terms));
        Assert.False((terms with { Rate = 1, Size = terms.Size + 1 }).GrantNoMoreThan(terms));
        var zones = terms with { Dnsbl = DnsblTerm.SkipZones, DnsblZones = ["a.example", "b.example"] };
        Assert.True((zones with { DnsblZones = ["b.example"] }).GrantNoMoreThan(zones));
        Assert.False((zones with { DnsblZones = ["c.example"] }).GrantNoMoreThan(zones));
    }
}
