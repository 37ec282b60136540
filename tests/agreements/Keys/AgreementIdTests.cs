using Mailkey.Agreements.Keys;

namespace Mailkey.Agreements.Tests.Keys;

public sealed class AgreementIdTests
{
    [Fact]
    public void AgreementId_names_its_stream_and_is_found_in_it()
    {
        var id = AgreementId.Mint();
        Assert.Equal($"agreement-{id}", id.StreamId);
        Assert.True(AgreementId.TryParseStreamId(id.StreamId, out var found));
        Assert.Equal(id, found);
        Assert.False(AgreementId.TryParseStreamId($"organization-{id}", out _));
        Assert.False(AgreementId.TryParseStreamId("agreement-", out _));
    }

    [Fact]
    public void AgreementId_is_read_in_any_case()
    {
        var id = AgreementId.Mint();
        Assert.True(AgreementId.TryParse(id.ToString().ToUpperInvariant(), out var upper));
        Assert.Equal(id, upper);
        Assert.True(AgreementId.TryParse(System.Text.Encoding.ASCII.GetBytes(id.ToString()), out var octets));
        Assert.Equal(id, octets);
        Assert.NotEqual(id, AgreementId.Mint());
    }
}
