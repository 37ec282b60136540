using System.Text;
using System.Text.Json;
using Mailkey.Ledger.Events;

namespace Mailkey.Ledger.Tests;

public sealed class EventCatalogTests
{
    [Fact]
    public void Event_of_today_carries_its_version() =>
        Assert.Equal(("paid.v3", """{"amount":5,"currency":"USD"}"""), Encode(new Paid(5, "USD")));

    [Fact]
    public void Event_that_never_changed_has_the_bare_name() => Assert.Equal(("opened", """{"owner":"ann"}"""), Encode(new Opened("ann")));

    [Theory]
    [InlineData("paid", """{"value":7}""")]
    [InlineData("paid.v2", """{"amount":7}""")]
    [InlineData("paid.v3", """{"amount":7,"currency":"EUR"}""")]
    public void Older_versions_become_events_of_today(string type, string json)
    {
        Assert.True(Account.Catalog.TryDecode(Stored(type, json), out var value));
        Assert.Equal(new Paid(7, "EUR"), value);
    }

    [Theory]
    [InlineData("paid.v4")]
    [InlineData("paid.v1")]
    [InlineData("paid.v0")]
    [InlineData("paid.v")]
    [InlineData("paid.v-2")]
    [InlineData("refunded")]
    public void What_a_newer_program_wrote_is_not_guessed_at(string type) => Assert.False(Account.Catalog.TryDecode(Stored(type, "{}"), out _));

    [Fact]
    public void Damaged_data_is_a_fault() => Assert.ThrowsAny<JsonException>(() => Account.Catalog.TryDecode(Stored("opened", "[]"), out _));

    [Theory]
    [InlineData("")]
    [InlineData("Opened")]
    [InlineData("opened.v2")]
    public void Name_must_be_plain(string name) => Assert.Throws<ArgumentException>(() => new EventCatalog().Add(name, TestJson.Default.Opened));

    private static (string, string) Encode(object value)
    {
        var e = Account.Catalog.Encode(value, Guid.NewGuid(), "s", DateTimeOffset.UnixEpoch);
        return (e.Type, Encoding.UTF8.GetString(e.Data.Span));
    }

    private static StoredEvent Stored(string type, string json) => new(1, Guid.NewGuid(), "s", 1, type, DateTimeOffset.UnixEpoch, Encoding.UTF8.GetBytes(json));
}
