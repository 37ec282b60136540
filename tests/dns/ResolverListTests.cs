using Mailkey.Hosting.Options;

namespace Mailkey.Dns.Tests;

public sealed class ResolverListTests
{
    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1", 53)]
    [InlineData("192.0.2.1:5353", "192.0.2.1", 5353)]
    [InlineData("2001:db8::1", "2001:db8::1", 53)]
    [InlineData("[2001:db8::1]", "2001:db8::1", 53)]
    [InlineData("[2001:db8::1]:5353", "2001:db8::1", 5353)]
    [InlineData("dns:53", "dns", 53)]
    [InlineData("dns", "dns", 53)]
    public void ResolverList_reads_host_and_port(string text, string host, int port)
    {
        Assert.True(ResolverList.TryParse(text, out var readHost, out var readPort));
        Assert.Equal((host, port), (readHost, readPort));
    }

    [Theory]
    [InlineData("")]
    [InlineData(":53")]
    [InlineData("192.0.2.1:")]
    [InlineData("192.0.2.1:0")]
    [InlineData("192.0.2.1:65536")]
    [InlineData("[2001:db8::1]x")]
    [InlineData("a b")]
    public void ResolverList_refuses_what_is_none(string text) => Assert.False(ResolverList.TryParse(text, out _, out _));

    [Fact]
    public void ResolverList_reads_resolv_conf()
    {
        var servers = ResolverList.FromResolvConf("# comment\nsearch example.org\nnameserver 192.0.2.1\n\tnameserver\t2001:db8::1 # second\nnameservers 192.0.2.9\nnameserver nonsense\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n");
        Assert.Equal("192.0.2.1:53 [2001:db8::1]:53 192.0.2.3:53", string.Join(' ', servers));
        Assert.Equal("127.0.0.1:53", string.Join(' ', ResolverList.FromResolvConf("")));
    }

    [Fact]
    public void DnsServices_maps_every_option()
    {
        var mapped = DnsServices.From(new DnsOptions
        {
            Resolvers = ["192.0.2.1:5353", "[::1]:54"],
            AttemptTimeout = TimeSpan.FromSeconds(11),
            Timeout = TimeSpan.FromSeconds(12),
            Attempts = 4,
            CacheEntries = 5,
            MaxTtl = TimeSpan.FromSeconds(13),
            MaxNegativeTtl = TimeSpan.FromSeconds(14),
            MaxConcurrent = 6,
        });
        Assert.Equal("192.0.2.1:5353 [::1]:54", string.Join(' ', mapped.Servers));
        Assert.Equal((11, 12, 4, 5, 13, 14, 6), (mapped.AttemptTimeout.Seconds, mapped.Timeout.Seconds, mapped.Attempts, mapped.CacheEntries, mapped.MaxTtl.Seconds, mapped.MaxNegativeTtl.Seconds, mapped.MaxConcurrent));
        Assert.Throws<FormatException>(() => DnsServices.From(new DnsOptions { Resolvers = ["a b"] }));
    }
}
