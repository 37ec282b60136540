using Mailkey.Authentication.Keys;
using Mailkey.Testkit.Dns;

namespace Mailkey.Authentication.Tests.Keys;

public sealed class DomainInspectionTests
{
    private static async Task<DomainFindings> InspectAsync(string domain, params HostileRecord[] records)
    {
        await using var dns = HostileDnsServer.Start(query =>
            query.Name == "broken.test" ? query.Reply(2)
            : records.Where(record => record.Name == query.Name && record.Type == query.Type).ToArray() is { Length: > 0 } found ? query.Answer(found)
            : records.Any(record => record.Name == query.Name) ? query.NoData()
            : query.NameError());
        using var setup = new DiscoverySetup(dns.Endpoint, new());
        return await new DomainInspection(setup.Search, setup.Options, setup.Time).InspectAsync(domain, TestContext.Current.CancellationToken);
    }

    private static HostileRecord Txt(string text, uint ttl = 3600) => HostileRecord.Txt("mailkey.example.org", text, ttl);

    [Fact]
    public async Task DomainInspection_finds_nothing_wrong_with_a_good_set()
    {
        var findings = await InspectAsync("Example.ORG", Txt(DiscoverySetup.Record()), Txt("v=MAILKEY1; k=rsa; s=old; p="));
        Assert.Equal((KeyHostState.Exists, "example.org", "txt", "mailkey.example.org"), (findings.State, findings.Domain, findings.Source, findings.Host));
        Assert.Empty(findings.Problems);
        Assert.Empty(findings.RecordsToPublish);
        Assert.Equal([new("2026a", KeyType.Ed25519, 256, KeyStatus.Active, false, null), new("old", KeyType.Rsa, 0, KeyStatus.Revoked, false, null)], findings.Keys.OrderBy(key => key.Name, StringComparer.Ordinal).ToArray());
        Assert.Equal(["mailkey.example.org TXT: 2 records"], findings.Steps.ToArray());
    }

    [Fact]
    public async Task DomainInspection_says_what_to_publish_when_there_is_nothing()
    {
        var findings = await InspectAsync("example.org");
        Assert.Equal(KeyHostState.Absent, findings.State);
        Assert.Equal("mailkey.example.org. 3600 IN TXT \"v=MAILKEY1; k=ed25519; s=2026a; p=<public key in base64>\"", Assert.Single(findings.RecordsToPublish));
        Assert.Single(findings.Problems);
        Assert.Equal(["mailkey.example.org TXT: NXDOMAIN", "example.org MX: NXDOMAIN"], findings.Steps.ToArray());
    }

    [Theory]
    [InlineData("v=MAILKEY1; k=ed25519; s=a; p=", 3600u, "no usable active key")]
    [InlineData("v=MAILKEY1; k=rsa; s=a; p=AAAA", 3600u, "no usable active key")]
    [InlineData("test", 3600u, "for tests")]
    [InlineData("good", 10u, "10 seconds")]
    [InlineData("good", 200_000u, "24 hours")]
    public async Task DomainInspection_reports_and_says_how_to_fix(string text, uint ttl, string problem)
    {
        text = text switch
        {
            "test" => DiscoverySetup.Record("a", "; t=y"),
            "good" => DiscoverySetup.Record(),
            _ => text,
        };
        var findings = await InspectAsync("example.org", Txt(text, ttl));
        Assert.Equal(KeyHostState.Exists, findings.State);
        Assert.Contains(problem, findings.Problems[0].What, StringComparison.Ordinal);
        Assert.All(findings.Problems, item => Assert.NotEmpty(item.Fix));
    }

    [Fact]
    public async Task DomainInspection_reports_each_bad_record()
    {
        var findings = await InspectAsync("example.org", Txt(DiscoverySetup.Record()), Txt("v=MAILKEY1; k=rsa; s=bad; p=AAAA"), Txt("v=MAILKEY1; nonsense"));
        Assert.Equal(2, findings.Problems.Count);
        Assert.Contains(findings.Problems, problem => problem.What.Contains("key bad", StringComparison.Ordinal));
    }

    [Fact]
    public async Task DomainInspection_tells_how_to_mend_a_host_that_cannot_be_reached()
    {
        var findings = await InspectAsync("example.org", HostileRecord.A("mailkey.example.org", "10.0.0.1"));
        Assert.Equal((KeyHostState.Unknown, "mailkey.example.org"), (findings.State, findings.Host));
        var problem = Assert.Single(findings.Problems);
        Assert.Contains("no public address", problem.What, StringComparison.Ordinal);
        Assert.Contains("Give mailkey.example.org a public address", problem.Fix, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DomainInspection_tells_how_to_mend_a_failing_name_server()
    {
        var findings = await InspectAsync("broken.test");
        Assert.Equal(KeyHostState.Unknown, findings.State);
        var problem = Assert.Single(findings.Problems);
        Assert.Contains("MX of broken.test", problem.What, StringComparison.Ordinal);
        Assert.Contains("SERVFAIL", problem.What, StringComparison.Ordinal);
        Assert.Contains("name servers", problem.Fix, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DomainInspection_takes_any_text()
    {
        var findings = await InspectAsync("not a domain\u001b[31m");
        Assert.Contains("not a domain name", Assert.Single(findings.Problems).What, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', findings.Domain);
    }
}
