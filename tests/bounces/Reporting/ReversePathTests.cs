using Mailkey.Bounces.Reporting;

namespace Mailkey.Bounces.Tests.Reporting;

public sealed class ReversePathTests
{
    [Theory]
    [InlineData("alice@Example.COM", "example.com")]
    [InlineData("\"a@b\"@example.com", "example.com")]
    [InlineData("@hop.example,@other.example:alice@example.com", "example.com")]
    [InlineData("δοκιμή@παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp")]
    [InlineData("alice@[192.0.2.1]", null)]
    [InlineData("alice", null)]
    [InlineData("alice@", null)]
    [InlineData("alice@exa mple", null)]
    [InlineData("alice@..", null)]
    public void ReversePath_domain_is_A_labels(string reversePath, string? domain) =>
        Assert.Equal(domain, ReversePath.Domain(reversePath));

    [Theory]
    [InlineData("alice@example.com", "alice@example.com")]
    [InlineData("@hop.example,@other.example:alice@example.com", "alice@example.com")]
    public void ReversePath_mailbox_has_no_source_route(string reversePath, string mailbox) =>
        Assert.Equal(mailbox, ReversePath.Mailbox(reversePath));
}
