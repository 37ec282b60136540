using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Agreements.Keys;
using Mailkey.Smtp;

namespace Mailkey.Agreements.Tests.Keys;

public sealed class UniqueAddressTests
{
    [Theory]
    [InlineData("alice@b.example", "alice")]
    [InlineData("Alice.Liddell@B.Example", "alice.liddell")]
    [InlineData("a@b.example", "a")]
    [InlineData("0123456789012345678901234567890123456789@b.example", "012345678901234567890123456789012345")]
    [InlineData("01234567890123456789012345678901234.789@b.example", "01234567890123456789012345678901234")]
    [InlineData("пользователь-с-длинным-именем@b.example", "пользователь-с-длин")]
    public void UniqueAddress_shows_the_user_and_fits_a_local_part(string recipient, string user)
    {
        var address = UniqueAddress.Mint(recipient);
        var text = address.ToString();
        Assert.Equal(user, address.User);
        Assert.Equal("b.example", address.Domain);
        Assert.StartsWith($"{user}-", text, StringComparison.Ordinal);
        Assert.EndsWith($"-{address.Token}@b.example", text, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(text[..text.IndexOf('@', StringComparison.Ordinal)]), 29, Mailbox.MaxLocalPartLength);
        Assert.True(UniqueAddress.TryParse(text, out var read));
        Assert.Equal(address, read);
        Assert.True(address.IsFor(recipient));
        Assert.False(address.IsFor("other@b.example"));
        Assert.False(address.IsFor(recipient.Split('@')[0] + "@c.example"));
    }

    [Fact]
    public void UniqueAddress_is_the_same_in_any_case()
    {
        var address = UniqueAddress.Mint("alice@b.example");
        Assert.True(UniqueAddress.TryParse(address.ToString().ToUpperInvariant(), out var upper));
        Assert.Equal(address, upper);
        Assert.Equal(address.GetHashCode(), upper.GetHashCode());
        Assert.NotEqual(address, UniqueAddress.Mint("alice@b.example"));
    }

    [Theory]
    [InlineData("alice@b.example")]
    [InlineData("")]
    [InlineData("@b.example")]
    [InlineData("alice-aaaaaaaaaaaaaaaaaaaaaaaaaaa@b.example")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaa@b.example")]
    public void UniqueAddress_refuses_other_addresses(string text) => Assert.False(UniqueAddress.TryParse(text, out _));

    [Fact]
    public void UniqueAddress_refuses_a_good_token_in_a_bad_place()
    {
        var token = UniqueAddress.Mint("alice@b.example").Token;
        Assert.True(UniqueAddress.TryParse($"bob-{token}@b.example", out _));
        Assert.False(UniqueAddress.TryParse($"-{token}@b.example", out _));
        Assert.False(UniqueAddress.TryParse($"bob{token}@b.example", out _));
        Assert.False(UniqueAddress.TryParse($"\"bob\"-{token}@b.example", out _));
        Assert.False(UniqueAddress.TryParse($"bob-{token}@[192.0.2.1]", out _));
        Assert.False(UniqueAddress.TryParse($"bob-{token}@", out _));
        Assert.False(UniqueAddress.TryParse($"{new string('b', 37)}-{token}@b.example", out _));
        Assert.False(UniqueAddress.TryParse($"bo b-{token}@b.example", out _));
        Assert.False(UniqueAddress.TryParse($"bob-{token}@b.example\r\n", out _));
        Assert.False(UniqueAddress.TryParse($"bob-{AgreementId.Mint()}@b.example", out _));
    }

    [Fact]
    public void UniqueAddress_is_not_made_for_what_is_no_mailbox()
    {
        Assert.Throws<ArgumentException>(() => UniqueAddress.Mint("alice"));
        Assert.Throws<ArgumentException>(() => UniqueAddress.Mint("\"a b\"@b.example"));
        Assert.Throws<ArgumentException>(() => UniqueAddress.Mint("alice@[192.0.2.1]"));
    }

    [Fact]
    public void UniqueAddress_bears_any_octets()
    {
        var token = UniqueAddress.Mint("alice@b.example").Token.ToString();
        var part = Gen.Elements("a", "-", "@", ".", "\"", "\\", token, "b.example", "[", "ü", "\0", " ", token[1..]).Select(Encoding.UTF8.GetBytes);
        Arb.From(part.ArrayOf().Select(parts => parts.SelectMany(p => p).ToArray())).Check(
            octets =>
            {
                if (UniqueAddress.TryParse(octets, out var address))
                {
                    Assert.True(UniqueAddress.TryParse(address.ToString(), out var again));
                    Assert.Equal(address, again);
                }
            },
            runs: 5000);
    }
}
