using Mailkey.Agreements.Accounts;
using Mailkey.Hosting.Options;

namespace Mailkey.Portal.Tests.Accounts;

public sealed class AccountNamesTests
{
    private static readonly AccountNames Names = new(new() { Domains = [new HostedDomainOptions { Name = "B.example" }, new HostedDomainOptions { Name = "bücher.example" }] });

    [Theory]
    [InlineData("alice@b.example", "alice@b.example")]
    [InlineData("Alice@B.Example", "alice@b.example")]
    [InlineData("alice+lists@b.example", "alice@b.example")]
    [InlineData("alice+one+two@b.example", "alice@b.example")]
    [InlineData("+alice@b.example", "+alice@b.example")]
    [InlineData("alice@bücher.example", "alice@xn--bcher-kva.example")]
    [InlineData("alice@c.example", null)]
    [InlineData("alice@[192.0.2.1]", null)]
    [InlineData("\"al ice\"@b.example", null)]
    [InlineData("alice", null)]
    [InlineData("", null)]
    [InlineData("alice@b.example\r\nbob@b.example", null)]
    public void AccountNames_finds_the_account_of_a_recipient(string recipient, string? account) => Assert.Equal(account, Names.AccountOf(recipient));

    [Fact]
    public void AccountNames_finds_the_account_of_a_unique_address() =>
        Assert.Equal("alice@b.example", Names.AccountOf(Mailkey.Agreements.Keys.UniqueAddress.Mint("alice@b.example").ToString()));

    [Fact]
    public void AccountNames_completes_a_local_part_only_where_there_is_one_domain()
    {
        Assert.False(Names.TryRead("alice", out _));
        Assert.True(new AccountNames(new() { Domains = [new HostedDomainOptions { Name = "b.example" }] }).TryRead(" Alice ", out var address));
        Assert.Equal("alice@b.example", address);
    }

    [Fact]
    public void AccountNames_knows_no_details_without_a_delimiter()
    {
        var options = new MailkeyOptions { Domains = [new HostedDomainOptions { Name = "b.example" }] };
        options.Agreements.Accounts.SubaddressDelimiter = "";
        Assert.Equal("alice+lists@b.example", new AccountNames(options).AccountOf("alice+lists@b.example"));
    }
}
