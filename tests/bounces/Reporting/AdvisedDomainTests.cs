using Mailkey.Bounces.Reporting;
using Mailkey.Dns;

namespace Mailkey.Bounces.Tests.Reporting;

public sealed class AdvisedDomainTests
{
    [Theory]
    [InlineData("a@victim.example", "victim.example")]
    [InlineData("a@x1.victim.example", "victim.example")]
    [InlineData("b@x2.y.z.Victim.Example", "victim.example")]
    [InlineData("a@alias.other.example", "victim.example")]
    [InlineData("a@own.zone.example", "own.zone.example")]
    [InlineData("a@deep.a.b.c.d.e.f.victim.example", "victim.example")]
    [InlineData("a@x1.nowhere.invalid", "nowhere.invalid")]
    [InlineData("a@single", "single")]
    [InlineData("a@x1.broken.example", "x1.broken.example")]
    public async Task AdvisedDomain_names_below_a_domain_count_as_one(string reversePath, string expected) =>
        Assert.Equal(expected, await Of(reversePath));

    [Theory]
    [InlineData("a@[192.0.2.1]", "[192.0.2.1]")]
    [InlineData("b@[192.0.2.1]", "[192.0.2.1]")]
    [InlineData("a@[IPv6:2001:db8::1]", "[2001:db8::1]")]
    [InlineData("a@[ipv6:2001:DB8:0:0::0001]", "[2001:db8::1]")]
    [InlineData("a@[IPv6:::ffff:192.0.2.1]", "[192.0.2.1]")]
    [InlineData("a@[X-tag:Any]", "[x-tag:any]")]
    public async Task AdvisedDomain_mailboxes_at_an_address_count_as_one(string reversePath, string expected) =>
        Assert.Equal(expected, await Of(reversePath));

    private static ValueTask<string> Of(string reversePath) => new AdvisedDomain(new Zones(), TimeProvider.System).OfAsync(reversePath, TestContext.Current.CancellationToken);

    private sealed class Zones : IDnsResolver
    {
        public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken)
        {
            Assert.Equal(DnsRecordType.Soa, type);
            return new(name switch
            {
                "victim.example" or "own.zone.example" or "example" => Zone(name),
                "alias.other.example" => Zone("victim.example"),
                _ when name.EndsWith("broken.example", StringComparison.Ordinal) => new() { Status = DnsStatus.ServerFailure },
                _ when name.EndsWith("invalid", StringComparison.Ordinal) => new() { Status = DnsStatus.NameError },
                _ => new() { Status = DnsStatus.NoData },
            });
        }

        private static DnsAnswer Zone(string name) =>
            new() { Status = DnsStatus.Success, Records = [new() { Name = name, Type = DnsRecordType.Soa, TimeToLive = TimeSpan.FromHours(1) }] };
    }
}

/// <summary>A name server that is away, so that tests ask nobody.</summary>
internal sealed class NoDns : IDnsResolver
{
    public ValueTask<DnsAnswer> ResolveAsync(string name, DnsRecordType type, CancellationToken cancellationToken) => new(new DnsAnswer { Status = DnsStatus.ServerFailure });
}
