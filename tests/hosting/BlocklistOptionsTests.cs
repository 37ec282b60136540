using System.Net;
using Mailkey.Hosting.Options;

namespace Mailkey.Hosting.Tests;

public sealed class BlocklistOptionsTests
{
    [Theory]
    [InlineData("127.0.0.2", "127.0.0.2", true)]
    [InlineData("127.0.0.2", "127.0.0.3", false)]
    [InlineData("127.0.0.0/28", "127.0.0.15", true)]
    [InlineData("127.0.0.0/28", "127.0.0.16", false)]
    [InlineData("127.0.0.0/24&6", "127.0.0.4", true)]
    [InlineData("127.0.0.0/24&6", "127.0.0.9", false)]
    [InlineData("127.0.0.0/24&6", "127.0.1.4", false)]
    [InlineData("127.0.0.0/8", "128.0.0.1", false)]
    [InlineData("127.0.0.0/8", "::ffff:127.0.0.2", false)]
    public void BlocklistCode_matches_what_it_says(string code, string answer, bool matches)
    {
        Assert.True(BlocklistCode.TryParse(code, out var parsed));
        Assert.Equal(matches, parsed.Matches(IPAddress.Parse(answer)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("128.0.0.1")]
    [InlineData("126.0.0.0/7")]
    [InlineData("127.0.0.2/24")]
    [InlineData("127.0.0.2&")]
    [InlineData("127.0.0.2&0")]
    [InlineData("127.0.0.2&256")]
    [InlineData("127.0.0.2&+1")]
    [InlineData("&1")]
    [InlineData("::1")]
    [InlineData("2")]
    public void BlocklistCode_refuses_what_no_list_answers(string? code) => Assert.False(BlocklistCode.TryParse(code, out _));

    [Theory]
    [InlineData("Name", "", "Blocklists:Zones:0:Name")]
    [InlineData("Name", "bl example", "Blocklists:Zones:0:Name")]
    [InlineData("Name", "a123456789012345678901234567890123456789012345678901234567.b123456789012345678901234567890123456789012345678901234567.c123456789012345678901234567890123456789012345678901234567.d12345678901234567890", "Blocklists:Zones:0:Name")]
    [InlineData("Kind", "white", "Blocklists:Zones:0:Kind")]
    [InlineData("Codes:0", "10.0.0.1", "Blocklists:Zones:0:Codes")]
    public void A_zone_that_makes_no_sense_is_named(string key, string value, string named)
    {
        var options = new MailkeyOptions();
        options.Blocklists.Zones.Add(key switch
        {
            "Name" => new() { Name = value },
            "Kind" => new() { Name = "bl.example", Kind = value },
            _ => new() { Name = "bl.example", Codes = [value] },
        });

        Assert.StartsWith($"Mailkey:{named}: ", Assert.Single(new MailkeyOptionsValidator().Validate(null, options).Failures!), StringComparison.Ordinal);
    }

    [Fact]
    public void A_zone_is_listed_once()
    {
        var options = new MailkeyOptions();
        options.Blocklists.Zones.AddRange([new() { Name = "bl.example" }, new() { Name = "BL.example" }]);

        Assert.StartsWith("Mailkey:Blocklists:Zones:1:Name: is listed twice", Assert.Single(new MailkeyOptionsValidator().Validate(null, options).Failures!), StringComparison.Ordinal);
    }
}
