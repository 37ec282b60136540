using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Agreements.Keys;

namespace Mailkey.Agreements.Tests.Keys;

public sealed class OpaqueTokenTests
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    [Fact]
    public void OpaqueToken_is_27_characters_of_the_lower_case_alphabet()
    {
        for (var i = 0; i < 1000; i++)
        {
            var text = OpaqueToken.Mint(TokenPurpose.Address).ToString();
            Assert.Equal(27, text.Length);
            Assert.True(text.All(Alphabet.Contains), text);
        }
    }

    [Fact]
    public void OpaqueToken_never_repeats_in_a_million()
    {
        const int million = 1_000_000;
        var seen = new HashSet<string>(million, StringComparer.Ordinal);
        for (var i = 0; i < million; i++)
        {
            seen.Add(OpaqueToken.Mint(TokenPurpose.Address).ToString());
        }

        Assert.Equal(million, seen.Count);
    }

    [Fact]
    public void OpaqueToken_uses_every_bit()
    {
        var counts = new int[OpaqueToken.RandomLength, 32];
        const int samples = 32_000;
        for (var i = 0; i < samples; i++)
        {
            var text = OpaqueToken.Mint(TokenPurpose.Address).ToString();
            for (var place = 0; place < OpaqueToken.RandomLength; place++)
            {
                counts[place, Alphabet.IndexOf(text[place], StringComparison.Ordinal)]++;
            }
        }

        // 1000 expected with a deviation of 31: ten deviations are as good as never.
        Assert.All(counts.Cast<int>(), count => Assert.InRange(count, 690, 1310));
    }

    [Fact]
    public void OpaqueToken_reads_any_case()
    {
        var token = OpaqueToken.Mint(TokenPurpose.Address);
        Assert.True(OpaqueToken.TryParse(token.ToString().ToUpperInvariant(), TokenPurpose.Address, out var upper));
        Assert.Equal(token, upper);
        Assert.Equal(token.ToString(), upper.ToString());
        Assert.Equal(token.GetHashCode(), upper.GetHashCode());
    }

    [Fact]
    public void OpaqueToken_finds_every_wrong_character_and_every_exchange()
    {
        var text = OpaqueToken.Mint(TokenPurpose.Agreement).ToString();
        for (var place = 0; place < text.Length; place++)
        {
            foreach (var wrong in Alphabet.Where(c => c != text[place]))
            {
                Assert.False(OpaqueToken.TryParse($"{text[..place]}{wrong}{text[(place + 1)..]}", TokenPurpose.Agreement, out _));
            }
        }

        for (var one = 0; one < OpaqueToken.RandomLength; one++)
        {
            for (var other = one + 1; other < OpaqueToken.RandomLength; other++)
            {
                var exchanged = text.ToCharArray();
                (exchanged[one], exchanged[other]) = (exchanged[other], exchanged[one]);
                Assert.Equal(text[one] == text[other], OpaqueToken.TryParse(new string(exchanged), TokenPurpose.Agreement, out _));
            }
        }
    }

    [Fact]
    public void OpaqueToken_of_one_purpose_is_none_of_another()
    {
        var address = OpaqueToken.Mint(TokenPurpose.Address).ToString();
        Assert.False(OpaqueToken.TryParse(address, TokenPurpose.Agreement, out _));
        Assert.False(AgreementId.TryParse(address, out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaa1")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaa\0")]
    [InlineData("ааааааааааааааааааааааааааа")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void OpaqueToken_refuses_what_is_none(string text)
    {
        Assert.False(OpaqueToken.TryParse(text, TokenPurpose.Address, out _));
        Assert.False(OpaqueToken.TryParse(Encoding.UTF8.GetBytes(text), TokenPurpose.Address, out _));
        Assert.False(OpaqueToken.TryParse((string?)null, TokenPurpose.Address, out _));
    }

    [Fact]
    public void OpaqueToken_bears_any_octets()
    {
        Arb.From(Gen.Choose(0, 255).Select(o => (byte)o).ArrayOf(OpaqueToken.Length)).Check(octets =>
        {
            if (OpaqueToken.TryParse(octets, TokenPurpose.Address, out var token))
            {
                Assert.Equal(token.ToString(), Encoding.ASCII.GetString(octets).ToLowerInvariant());
            }
        });
    }

    [Fact]
    public void OpaqueToken_default_equals_no_token()
    {
        Assert.NotEqual(default, OpaqueToken.Mint(TokenPurpose.Address));
        Assert.True(default(OpaqueToken) == new OpaqueToken());
        Assert.Equal("", default(OpaqueToken).ToString());
    }
}
