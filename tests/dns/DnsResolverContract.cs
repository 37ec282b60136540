using System.Net;
using Mailkey.Testkit.Dns;

namespace Mailkey.Dns.Tests;

/// <summary>What any <see cref="IDnsResolver"/> has to do, against a real server.</summary>
public abstract class DnsResolverContract(UnboundFixture unbound)
{
    protected abstract IDnsResolver Create(params IPEndPoint[] servers);

    private ValueTask<DnsAnswer> AskAsync(string name, DnsRecordType type) =>
        Create(unbound.Server.Endpoint).ResolveAsync(name, type, TestContext.Current.CancellationToken);

    [Fact]
    public async Task Resolver_finds_addresses()
    {
        var answer = await AskAsync("host.example.org", DnsRecordType.A);
        Assert.Equal(DnsStatus.Success, answer.Status);
        Assert.Equal("192.0.2.1 192.0.2.2", string.Join(" ", answer.Records.Select(r => r.Address!.ToString()).Order(StringComparer.Ordinal)));
        Assert.Equal(TimeSpan.FromSeconds(300), answer.TimeToLive);

        answer = await AskAsync("HOST.Example.org.", DnsRecordType.Aaaa);
        Assert.Equal("2001:db8::1", Assert.Single(answer.Records).Address!.ToString());
    }

    [Fact]
    public async Task Resolver_finds_mx_with_preference()
    {
        var answer = await AskAsync("example.org", DnsRecordType.Mx);
        Assert.Equal([(10, "mx1.example.org"), (20, "mx2.example.org")], answer.Records.Select(r => (r.Preference, r.Target!)).OrderBy(mx => mx.Preference));

        answer = await AskAsync("nomail.example.org", DnsRecordType.Mx);
        Assert.Equal(".", Assert.Single(answer.Records).Target);
    }

    [Fact]
    public async Task Resolver_joins_character_strings()
    {
        var answer = await AskAsync("text.example.org", DnsRecordType.Txt);
        Assert.Equal("one two", Assert.Single(answer.Records).Text);
    }

    [Fact]
    public async Task Resolver_fetches_over_tcp_what_udp_truncates()
    {
        var answer = await AskAsync("large.example.org", DnsRecordType.Txt);
        Assert.Equal(DnsStatus.Success, answer.Status);
        Assert.Equal(UnboundFixture.LargeRecords, answer.Records.Count);
        Assert.All(answer.Records, record => Assert.Equal(200, record.Text!.Length));
    }

    [Theory]
    [InlineData("nothing.example.org", DnsRecordType.A, DnsStatus.NameError)]
    [InlineData("host.example.org", DnsRecordType.Mx, DnsStatus.NoData)]
    [InlineData("host.broken.test", DnsRecordType.A, DnsStatus.ServerFailure)]
    public async Task Resolver_tells_missing_from_failing(string name, DnsRecordType type, DnsStatus expected)
    {
        var answer = await AskAsync(name, type);
        Assert.Equal(expected, answer.Status);
        Assert.Empty(answer.Records);
        Assert.NotEmpty(answer.Detail);
    }

    [Fact]
    public async Task Resolver_keeps_a_negative_answer_as_long_as_the_soa_says()
    {
        var answer = await AskAsync("nothing.example.org", DnsRecordType.Txt);
        Assert.Equal(TimeSpan.FromSeconds(60), answer.TimeToLive);
    }

    [Fact]
    public async Task Resolver_follows_an_alias()
    {
        var answer = await AskAsync("alias.example.org", DnsRecordType.A);
        Assert.Equal(DnsStatus.Success, answer.Status);
        Assert.All(answer.Records, record => Assert.Equal("host.example.org", record.Name));
        Assert.Equal(2, answer.Records.Count);
        Assert.Equal(TimeSpan.FromSeconds(120), answer.TimeToLive);
    }

    [Fact]
    public async Task Resolver_tells_an_alias_to_nothing_from_a_failure()
    {
        Assert.Equal(DnsStatus.NameError, (await AskAsync("dangling.example.org", DnsRecordType.A)).Status);
        Assert.Equal(DnsStatus.NoData, (await AskAsync("alias.example.org", DnsRecordType.Txt)).Status);
    }

    [Fact]
    public async Task Resolver_does_not_walk_in_a_circle()
    {
        Assert.Equal(DnsStatus.ServerFailure, (await AskAsync("circle.example.org", DnsRecordType.A)).Status);
    }

    [Fact]
    public async Task Resolver_reads_names_with_underscore()
    {
        Assert.Equal("v=DKIM1", Assert.Single((await AskAsync("s1._domainkey.example.org", DnsRecordType.Txt)).Records).Text);
    }

    [Fact]
    public async Task Resolver_asks_for_names_with_odd_octets()
    {
        var answer = await AskAsync("odd%\\032\\255:/name.example.org", DnsRecordType.A);
        Assert.Equal(DnsStatus.Success, answer.Status);
        Assert.Equal("odd%\\032\\255:/name.example.org", Assert.Single(answer.Records).Name);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a..b")]
    [InlineData("sixty-four-characters-sixty-four-characters-sixty-four-character.org")]
    [InlineData("white space.org")]
    [InlineData("two\\65.org")]
    [InlineData("letter\\065.org")]
    [InlineData("large\\256.org")]
    public async Task Resolver_knows_that_what_is_no_name_does_not_exist(string name)
    {
        Assert.Equal(DnsStatus.NameError, (await AskAsync(name, DnsRecordType.A)).Status);
    }
}

/// <summary>One server with the records of the contract.</summary>
public sealed class UnboundFixture : IAsyncLifetime
{
    public const int LargeRecords = 20;

    public UnboundServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await UnboundServer.StartAsync(
        [
            "host.example.org. 300 IN A 192.0.2.1",
            "host.example.org. 300 IN A 192.0.2.2",
            "host.example.org. 300 IN AAAA 2001:db8::1",
            "example.org. 300 IN MX 20 mx2.example.org.",
            "example.org. 300 IN MX 10 mx1.example.org.",
            "nomail.example.org. 300 IN MX 0 .",
            "text.example.org. 300 IN TXT \"one \" \"two\"",
            "alias.example.org. 120 IN CNAME host.example.org.",
            "dangling.example.org. 120 IN CNAME gone.example.org.",
            "circle.example.org. 120 IN CNAME circle2.example.org.",
            "circle2.example.org. 120 IN CNAME circle.example.org.",
            "s1._domainkey.example.org. 120 IN TXT \"v=DKIM1\"",
            "odd%\\032\\255:/name.example.org. 120 IN A 192.0.2.3",
            .. Enumerable.Range(0, LargeRecords).Select(i => $"large.example.org. 300 IN TXT \"{new string((char)('a' + i), 200)}\""),
        ],
        ["broken.test."]);

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

public sealed class DnsResolverAgainstUnboundTests(UnboundFixture unbound) : DnsResolverContract(unbound), IClassFixture<UnboundFixture>
{
    protected override IDnsResolver Create(params IPEndPoint[] servers) =>
        new DnsResolver(new() { Servers = servers, AttemptTimeout = TimeSpan.FromSeconds(2) }, TimeProvider.System);
}
