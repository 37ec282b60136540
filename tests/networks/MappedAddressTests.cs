using System.Net;

namespace Mailkey.Networks.Tests;

public sealed class MappedAddressTests
{
    [Theory]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("192.0.2.1", "192.0.2.1")]
    [InlineData("::192.0.2.1", "::192.0.2.1")]
    [InlineData("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.1")]
    [InlineData("2001:db8::1", "2001:db8::1")]
    [InlineData("fe80::1%3", "fe80::1%3")]
    public void MappedAddress_is_the_IPv4_address_and_no_other_is_touched(string address, string expected) =>
        Assert.Equal(IPAddress.Parse(expected), IPAddress.Parse(address).Unmapped());
}
