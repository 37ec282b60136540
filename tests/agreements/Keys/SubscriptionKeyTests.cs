using Mailkey.Agreements.Keys;

namespace Mailkey.Agreements.Tests.Keys;

public sealed class SubscriptionKeyTests
{
    [Fact]
    public void SubscriptionKey_has_one_form()
    {
        Assert.True(SubscriptionKey.TryCreate("A.Example.", "Alice@B.EXAMPLE", "Dev.Lists.A.Example", out var key, out _));
        Assert.Equal("a.example", key.Forwarder);
        Assert.Equal("alice@b.example", key.Recipient);
        Assert.Equal("dev.lists.a.example", key.Subscription);
        Assert.True(SubscriptionKey.TryCreate("a.example", "alice@b.example", "dev.lists.a.example", out var same, out _));
        Assert.Equal(key, same);
        Assert.Equal(key.StreamId, same.StreamId);
        Assert.StartsWith("subscription-", key.StreamId, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost", "alice@b.example", "dev", "forwarder")]
    [InlineData("a..example", "alice@b.example", "dev", "forwarder")]
    [InlineData(null, "alice@b.example", "dev", "forwarder")]
    [InlineData("a.example", "alice", "dev", "recipient")]
    [InlineData("a.example", "alice@[192.0.2.1]", "dev", "recipient")]
    [InlineData("a.example", "\"a\tb\"@b.example", "dev", "recipient")]
    [InlineData("a.example", null, "dev", "recipient")]
    [InlineData("a.example", "alice@b.example", "", "subscription")]
    [InlineData("a.example", "alice@b.example", "two words", "subscription")]
    [InlineData("a.example", "alice@b.example", "a\tb", "subscription")]
    [InlineData("a.example", "alice@b.example", "<dev>", "subscription")]
    [InlineData("a.example", "alice@b.example", null, "subscription")]
    public void SubscriptionKey_says_which_part_is_wrong(string? forwarder, string? recipient, string? subscription, string error)
    {
        Assert.False(SubscriptionKey.TryCreate(forwarder, recipient, subscription, out _, out var wrong));
        Assert.Equal(error, wrong);
    }

    [Fact]
    public void SubscriptionKey_differs_with_each_part()
    {
        string[][] keys = [["a.example", "alice@b.example", "dev"], ["c.example", "alice@b.example", "dev"], ["a.example", "bob@b.example", "dev"], ["a.example", "alice@b.example", "news"]];
        Assert.Equal(4, keys.Select(k => SubscriptionKey.TryCreate(k[0], k[1], k[2], out var key, out _) ? key.StreamId : "").Distinct().Count());
    }
}
