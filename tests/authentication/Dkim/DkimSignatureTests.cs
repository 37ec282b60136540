using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Dkim;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Authentication.Tests.Signatures;
using Mailkey.Mime;

namespace Mailkey.Authentication.Tests.Dkim;

public sealed class DkimSignatureTests
{
    // RFC 8463 appendix A.2
    private const string Ed25519Key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    private const string RsaKey =
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC" +
        "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

    private static readonly SignedMessage Sample = Load(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Dkim", "rfc8463-appendix-a.eml")));

    private static SignedMessage Load(string text)
    {
        text = text.ReplaceLineEndings("\r\n");
        var length = HeaderBlock.Measure(Encoding.Latin1.GetBytes(text), out var body);
        return new SignedMessage
        {
            Header = text[..length],
            Body = text[body..],
            ReversePath = "joe@football.example.com",
            JudgedDomain = "football.example.com",
            ForwardPaths = ["suzie@shopping.example.net"],
            VerifiedAt = DateTimeOffset.FromUnixTimeSeconds(1528637909),
        };
    }

    private static PublishedKey Key(string name, KeyType type, string base64, bool test = false) =>
        new() { Name = name, Type = type, Status = KeyStatus.Active, Test = test, Material = Convert.FromBase64String(base64) };

    [Fact]
    public void Dkim_signature_of_RFC_8463_verifies_with_Ed25519()
    {
        var verdict = Sample.Verify(SignedMessage.KeySet(Key("brisbane", KeyType.Ed25519, Ed25519Key)));
        Assert.Equal(("pass", "dkim", "brisbane", "football.example.com"), (verdict.Result, verdict.Kind, verdict.KeyName, verdict.Domain));
    }

    [Fact]
    public void Dkim_signature_of_RFC_8463_verifies_with_RSA_but_for_the_length_of_its_key()
    {
        var keys = SignedMessage.KeySet(Key("test", KeyType.Rsa, RsaKey));
        Assert.True(new SignatureVerifier(new VerifyKeyCache(10, minRsaBits: 1024)).Verify(Sample.Input(), keys).IsPass);

        var verdict = Sample.Verify(keys);
        Assert.Equal(("fail", "key test is unusable: an RSA key of 1024 bits is too short; 2048 is the least"), (verdict.Result, verdict.Reason));
    }

    [Fact]
    public void Dkim_signature_counts_only_with_a_key_of_the_mailkey_host()
    {
        var verdict = Sample.Verify(SignedMessage.KeySet(Key("sydney", KeyType.Ed25519, Ed25519Key)));
        Assert.Equal(("fail", "key brisbane is not in the key set", null), (verdict.Result, verdict.Reason, verdict.Kind));
    }

    [Fact]
    public void Dkim_signature_of_an_unlisted_key_takes_nothing_from_a_tester()
    {
        var keys = SignedMessage.KeySet(Key("brisbane", KeyType.Ed25519, Ed25519Key, test: true));
        Assert.Equal("neutral", (Sample with { Body = "changed\r\n" }).Verify(keys).Result);
    }

    [Theory]
    [InlineData("football.example.com", true)]
    [InlineData("FOOTBALL.example.com", true)]
    [InlineData("bounce.football.example.com", true)]
    [InlineData("example.com", false)]
    [InlineData("xfootball.example.com", false)]
    [InlineData("football.example.com.evil.example", false)]
    public void Dkim_signature_covers_its_domain_and_what_is_below(string domain, bool good)
    {
        Assert.Equal(good, (Sample with { JudgedDomain = domain }).Verify(SignedMessage.KeySet(Key("brisbane", KeyType.Ed25519, Ed25519Key))).IsPass);
    }

    [Theory]
    [InlineData("", "example.com")]
    [InlineData(".com", "example.com")]
    [InlineData("b.example", "a.example")]
    public void DkimRules_cover_nothing_else(string d, string domain) => Assert.False(DkimRules.Covers(d, domain));

    [Theory]
    [InlineData("v=1;", "v=1; l=10;", "fail", "l= leaves a part of the body unsigned")]
    [InlineData("v=1;", "v=1; x=1528637910;", "fail", "key brisbane did not make this signature, or a signed field was changed")]
    [InlineData("v=1;", "v=1; x=1528637908;", "permerror", "x= is not later than t=")]
    [InlineData("t=1528637909;", "x=1528637608;", "fail", "the signature has expired")]
    [InlineData("t=1528637909;", "x=1528637609;", "fail", "key brisbane did not make this signature, or a signed field was changed")]
    [InlineData("v=1;", "v=1; l=x;", "permerror", "l= is not a number")]
    [InlineData("i=@football.example.com;", "i=joe=40sub.football=2Eexample.com;", "fail", "key brisbane did not make this signature, or a signed field was changed")]
    [InlineData("i=@football.example.com;", "i=joe=4;", "permerror", "i= is not within d=")]
    [InlineData("t=1528637909;", "t=1528638210;", "fail", "signed in the future; check the clock of the signer")]
    [InlineData("a=ed25519-sha256;", "a=rsa-sha1;", "permerror", "rsa-sha1 is not accepted (RFC 8301)")]
    [InlineData("i=@football.example.com;", "i=@xfootball.example.com;", "permerror", "i= is not within d=")]
    [InlineData("i=@football.example.com;", "i=joe@soccer.example.com;", "permerror", "i= is not within d=")]
    [InlineData("q=dns/txt;", "q=http/get:dns/other;", "permerror", "q= names no known method")]
    [InlineData("h=from :", "h=form :", "fail", "key brisbane did not make this signature, or a signed field was changed")]
    [InlineData("from : to :", "x : to :", "fail", "key brisbane did not make this signature, or a signed field was changed")]
    public void Dkim_signature_says_what_is_wrong(string part, string replacement, string result, string reason)
    {
        // The Ed25519 field is the first of the two.
        var at = Sample.Header.IndexOf(part, StringComparison.Ordinal);
        Assert.True(at >= 0);
        var changed = Sample with { Header = string.Concat(Sample.Header.AsSpan(0, at), replacement, Sample.Header.AsSpan(at + part.Length)) };
        var verdict = changed.Verify(SignedMessage.KeySet(Key("brisbane", KeyType.Ed25519, Ed25519Key)));
        Assert.Equal((result, reason), (verdict.Result, verdict.Reason));
    }

    [Fact]
    public void Dkim_signature_must_cover_From()
    {
        var header = Sample.Header.Replace("h=from : to :\r\n subject : date : message-id : from : subject : date;", "h=to;", StringComparison.Ordinal);
        Assert.NotEqual(Sample.Header, header);
        Assert.Equal("From is not signed", (Sample with { Header = header }).Verify(SignedMessage.KeySet(Key("brisbane", KeyType.Ed25519, Ed25519Key))).Reason);
    }

    [Theory]
    [InlineData("From: Mallory <m@example.com>\r\n")]
    [InlineData("Subject: Send money\r\n")]
    public void Dkim_signature_gives_no_credit_to_doubled_fields(string added)
    {
        Assert.False((Sample with { Header = added + Sample.Header }).Verify(SignedMessage.KeySet(Key("brisbane", KeyType.Ed25519, Ed25519Key))).IsPass);
    }

    [Fact]
    public void Dkim_signature_does_not_stop_a_Mailkey_signature()
    {
        var both = (new SignedMessage() with { Header = "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=old; h=from; bh=AAAA; b=AAAA\r\n" + new SignedMessage().Header }).SignedWith(TestKeys.Ed25519);
        Assert.Equal("mailkey", both.Verify(SignedMessage.KeySet(SignedMessage.Published(TestKeys.Ed25519))).Kind);
    }

    [Fact]
    public void Dkim_signature_of_a_listed_key_is_a_mailkey_signature_too()
    {
        var signer = new DkimSigner { Key = TestKeys.Rsa, Selector = "2026a", Domain = "example.org" };
        var message = new SignedMessage();
        var field = signer.Sign(HeaderBlock.Parse(Encoding.Latin1.GetBytes(message.Header)), SignedMessage.HashBody(message.Body, Canonicalization.Relaxed), SignedMessage.Now);
        var signed = message with { Header = Encoding.ASCII.GetString(field) + message.Header };

        var verdict = signed.Verify(SignedMessage.KeySet(SignedMessage.Published(TestKeys.Rsa)));
        Assert.Equal(("pass", "dkim", "2026a"), (verdict.Result, verdict.Kind, verdict.KeyName));
        Assert.Equal("the body was changed after signing", (signed with { Body = "x\r\n" }).Verify(SignedMessage.KeySet(SignedMessage.Published(TestKeys.Rsa))).Reason);
    }
}
