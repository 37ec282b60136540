using System.Net;
using FsCheck;
using FsCheck.Fluent;

namespace Mailkey.Networks.Tests;

public sealed class AddressPrefixTests
{
    private static readonly byte[] Mapping = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

    // Octets of both families, mapped addresses among them.
    private static readonly Arbitrary<byte[]> Octets = Arb.From(
        Gen.Choose(0, 2).SelectMany(family => Gen.Choose(0, 255).Select(octet => (byte)octet).ArrayOf(family == 0 ? 16 : 4)
            .Select(octets => family == 2 ? [.. Mapping, .. octets] : octets)));

    [Theory]
    [InlineData("192.0.2.77", 24, 48, "192.0.2.0/24")]
    [InlineData("::ffff:192.0.2.77", 24, 48, "192.0.2.0/24")]
    [InlineData("192.0.2.77", 32, 48, "192.0.2.77/32")]
    [InlineData("192.0.2.77", 0, 48, "0.0.0.0/0")]
    [InlineData("192.0.2.77", 30, 48, "192.0.2.76/30")]
    [InlineData("2001:db8:1:2:3:4:5:6", 24, 48, "2001:db8:1::/48")]
    [InlineData("2001:db8:1:2ff:3::4", 24, 56, "2001:db8:1:200::/56")]
    [InlineData("2001:db8:1:2:3:4:5:6", 24, 64, "2001:db8:1:2::/64")]
    [InlineData("2001:db8::6", 24, 128, "2001:db8::6/128")]
    [InlineData("2001:db8::6", 24, 0, "::/0")]
    [InlineData("fe80::1%3", 24, 64, "fe80::/64")]
    public void AddressPrefix_is_written_as_CIDR(string address, int ipv4Length, int ipv6Length, string expected) =>
        Assert.Equal(expected, AddressPrefix.Of(IPAddress.Parse(address), ipv4Length, ipv6Length).ToString());

    [Theory]
    [InlineData("0.0.2.1", "::2")]
    [InlineData("0.0.0.1", "::1")]
    [InlineData("0.0.0.0", "::")]
    public void AddressPrefix_of_one_family_is_none_of_the_other(string ipv4, string ipv6)
    {
        for (var length = 0; length <= 32; length++)
        {
            Assert.NotEqual(AddressPrefix.Of(IPAddress.Parse(ipv4), length, length), AddressPrefix.Of(IPAddress.Parse(ipv6), length, length));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(33)]
    public void AddressPrefix_is_no_longer_than_its_address(int length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => AddressPrefix.Of(IPAddress.Parse("192.0.2.1"), length, 128));

    [Fact]
    public void AddressPrefix_contains_an_address_exactly_when_the_platform_says_so() =>
        Check((octets, other, length) =>
        {
            var address = new IPAddress(octets).Unmapped();
            var network = Network(address, length);
            var expected = new IPNetwork(IPAddress.Parse(network.ToString().Split('/')[0]), network.Length);
            Assert.Equal(expected.ToString(), network.ToString());
            Assert.True(expected.Contains(address));
            Assert.Equal(expected.Contains(other), Network(other, length) == network);
        });

    [Fact]
    public void AddressPrefix_does_not_depend_on_how_the_address_comes() =>
        Check((octets, other, length) =>
        {
            var address = new IPAddress(octets);
            Assert.Equal(Network(address, length), Network(address.Unmapped(), length));
            Assert.Equal(Network(address, length).GetHashCode(), Network(address.Unmapped(), length).GetHashCode());
            Assert.Equal(address.GetAddressBytes().Length == 4 || octets.AsSpan().StartsWith(Mapping), AddressPrefix.Of(address).IsIPv4);
        });

    [Fact]
    public void AddressPrefix_may_be_shortened_in_steps() =>
        Check((octets, other, length) =>
        {
            var whole = AddressPrefix.Of(new IPAddress(octets));
            Assert.Equal(whole, whole.Shortened(whole.Width));
            var network = Network(new IPAddress(octets), length);
            for (var shorter = network.Length; shorter >= 0; shorter--)
            {
                Assert.Equal(whole.Shortened(shorter), network.Shortened(shorter));
            }
        });

    private static AddressPrefix Network(IPAddress address, int length) => AddressPrefix.Of(address, length / 4, length);

    // Two addresses, the second with some first bits of the first, and a length.
    private static void Check(Action<byte[], IPAddress, int> body)
    {
        var cases = Octets.Generator.SelectMany(octets => Gen.Choose(0, (octets.Length * 8) - 1).SelectMany(bit => Gen.Choose(0, 128).Select(length => (octets, bit, length))));
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000).WithQuietOnSuccess(true), Prop.ForAll(Arb.From(cases), c =>
        {
            var (octets, bit, length) = c;
            byte[] other = [.. octets];
            other[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            body(octets, new IPAddress(other).Unmapped(), length);
        }));
    }
}
