using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;

namespace Mailkey.HttpSignatures.Tests;

/// <summary>What a signature of a request has to be like, and what does not get through.</summary>
public sealed class SignatureRulesTests
{
    private const string Address = "https://agreements.b.example/v1/agreements?digest=1";
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 9, 0, 0, TimeSpan.Zero);
    private static readonly SignatureRules Rules = new() { Tag = "mailkey-agreements" };

    [Theory]
    [InlineData(KeyType.Ed25519)]
    [InlineData(KeyType.Rsa)]
    public async Task What_we_sign_counts_and_is_genuine(KeyType type)
    {
        using var key = type == KeyType.Ed25519 ? SigningKey.GenerateEd25519() : SigningKey.GenerateRsa(2048);
        var (request, body) = await SignedAsync(key);
        Assert.Equal((SignatureFault.None, ""), Check(request, body, out var candidate));
        Assert.Equal(("a.example/2026a", Now), (candidate!.KeyId, candidate.Created));
        Assert.True(VerifyKey.TryImport(type, key.ExportPublicKey(), out var published, out _));
        Assert.True(SignatureAlgorithm.Verify(published, candidate.Text.Span, candidate.Signature.Value.Span));

        // Another implementation of RSASSA-PKCS1-v1_5 agrees.
        if (type == KeyType.Rsa)
        {
            using var rsa = RSA.Create();
            rsa.ImportSubjectPublicKeyInfo(key.ExportPublicKey(), out _);
            Assert.True(rsa.VerifyData(candidate.Text.Span, candidate.Signature.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        }

        using var other = SigningKey.GenerateEd25519();
        Assert.True(VerifyKey.TryImport(KeyType.Ed25519, other.ExportPublicKey(), out var foreign, out _));
        Assert.False(SignatureAlgorithm.Verify(foreign, candidate.Text.Span, candidate.Signature.Value.Span));
    }

    [Fact]
    public async Task Each_part_of_the_request_is_bound()
    {
        using var key = SigningKey.GenerateEd25519();
        Assert.True(VerifyKey.TryImport(KeyType.Ed25519, key.ExportPublicKey(), out var published, out _));
        var (request, body) = await SignedAsync(key);
        foreach (var changed in new[]
        {
            request with { Method = "DELETE" },
            request with { Authority = "agreements.c.example" },
            request with { Scheme = "http" },
            request with { Target = "/v1/agreements?digest=2" },
            request with { Target = "/v1/organizations?digest=1" },
        })
        {
            Assert.Equal(SignatureFault.None, Check(changed, body, out var candidate).Fault);
            Assert.False(SignatureAlgorithm.Verify(published, candidate!.Text.Span, candidate.Signature.Value.Span));
        }

        Assert.Equal((SignatureFault.DigestMismatch, "the body is not that of Content-Digest"), Check(request, "{}"u8, out _));
    }

    [Theory]
    [InlineData("@method", "@method has to be covered")]
    [InlineData("@target-uri", "@target-uri, or @authority with @path and @query, has to be covered")]
    [InlineData("content-digest", "content-digest has to be covered")]
    public void A_missing_part_is_named(string missing, string detail)
    {
        using var key = SigningKey.GenerateEd25519();
        var input = SignatureInput.Of(new[] { "@method", "@target-uri", "content-digest" }.Where(name => name != missing), Now, "a.example/2026a", "0123456789abcdef");
        Assert.Equal((SignatureFault.Incomplete, detail), Check(With(input, key), "{}"u8, out _));
    }

    [Fact]
    public void Authority_path_and_query_do_for_the_target()
    {
        using var key = SigningKey.GenerateEd25519();
        Assert.Equal(SignatureFault.None, Check(With(SignatureInput.Of(["@method", "@authority", "@path", "@query", "content-digest"], Now, "a.example/2026a", "0123456789abcdef"), key), "{}"u8, out _).Fault);
        Assert.Equal(SignatureFault.Incomplete, Check(With(SignatureInput.Of(["@method", "@authority", "@path", "content-digest"], Now, "a.example/2026a", "0123456789abcdef"), key), "{}"u8, out _).Fault);
    }

    [Fact]
    public void Parameters_are_needed_and_time_is_short()
    {
        using var key = SigningKey.GenerateEd25519();
        string[] all = ["@method", "@target-uri", "content-digest"];
        Assert.Equal("nonce is needed, of 16 characters or more", Check(With(SignatureInput.Of(all, Now, "k"), key), "{}"u8, out _).Detail);
        Assert.Equal("nonce is needed, of 16 characters or more", Check(With(SignatureInput.Of(all, Now, "k", "short"), key), "{}"u8, out _).Detail);
        Assert.Equal("keyid is needed", Check(With(SignatureInput.Of(all, Now, "", "0123456789abcdef"), key), "{}"u8, out _).Detail);
        Assert.Equal("created is needed", Check(With(new() { Components = SignatureInput.Of(all, Now, "k").Components, Parameters = [.. SignatureInput.Of(all, Now, "k", "0123456789abcdef").Parameters.Skip(1)] }, key), "{}"u8, out _).Detail);
        Assert.Equal(SignatureFault.OutOfTime, Check(With(SignatureInput.Of(all, Now.AddMinutes(-6), "k", "0123456789abcdef"), key), "{}"u8, out _).Fault);
        Assert.Equal(SignatureFault.OutOfTime, Check(With(SignatureInput.Of(all, Now.AddMinutes(2), "k", "0123456789abcdef"), key), "{}"u8, out _).Fault);
        Assert.Equal(SignatureFault.OutOfTime, Check(With(SignatureInput.Of(all, Now.AddMinutes(-2), "k", "0123456789abcdef", expires: Now.AddMinutes(-1)), key), "{}"u8, out _).Fault);
        Assert.Equal(SignatureFault.None, Check(With(SignatureInput.Of(all, Now.AddMinutes(-4), "k", "0123456789abcdef", expires: Now.AddMinutes(1)), key), "{}"u8, out _).Fault);
    }

    [Fact]
    public void Of_several_signatures_only_one_may_be_for_us()
    {
        using var key = SigningKey.GenerateEd25519();
        string[] all = ["@method", "@target-uri", "content-digest"];
        var ours = RequestSigner.Sign(Plain, SignatureInput.Of(all, Now, "k", "0123456789abcdef", "mailkey-agreements"), key, "ours");
        var proxy = RequestSigner.Sign(Plain, SignatureInput.Of(["@method"], Now, "p", tag: "proxy"), key, "proxy");
        var untagged = RequestSigner.Sign(Plain, SignatureInput.Of(all, Now, "k", "0123456789abcdef"), key, "untagged");
        var second = RequestSigner.Sign(Plain, SignatureInput.Of(all, Now, "other", "0123456789abcdef", "mailkey-agreements"), key, "second");
        Assert.Equal("ours", Label(proxy, ours, untagged));
        Assert.Equal("untagged", Label(proxy, untagged));
        Assert.Equal("more than one signature", Label(ours, second));
        Assert.Equal("no signature with the expected tag", Label(proxy));

        string Label(params MessageSignature[] signatures)
        {
            var request = Plain with
            {
                Fields = name => name switch
                {
                    "signature-input" => [.. signatures.Select(signature => signature.InputField)],
                    "signature" => [.. signatures.Select(signature => signature.SignatureField)],
                    _ => Plain.Fields(name),
                },
            };
            var (_, detail) = Check(request, "{}"u8, out var candidate);
            return candidate?.Signature.Label ?? detail;
        }
    }

    [Theory]
    [InlineData("sha-256=:AAAA:", ContentDigestResult.Bad)]
    [InlineData("sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:", ContentDigestResult.Good)]
    [InlineData("md5=:AAAA:, sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:", ContentDigestResult.Good)]
    [InlineData("sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:, sha-512=:AAAA:", ContentDigestResult.Bad)]
    [InlineData("sha-256=:AAAA:, sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:", ContentDigestResult.Malformed)]
    [InlineData("md5=:AAAA:", ContentDigestResult.Missing)]
    [InlineData("", ContentDigestResult.Missing)]
    [InlineData("sha-256=AAAA", ContentDigestResult.Malformed)]
    [InlineData("sha-256=:AA AA:", ContentDigestResult.Malformed)]
    [InlineData("sha-256=:AAAA:,", ContentDigestResult.Malformed)]
    public void Digest_is_compared_or_refused(string field, ContentDigestResult result) => Assert.Equal(result, ContentDigest.Check(field, "{}"u8));

    [Theory]
    [InlineData("a", "a=:AA==:")]
    [InlineData("a=\"x\"", "a=:AA==:")]
    [InlineData("a=(\"x\"", "a=:AA==:")]
    [InlineData("a=(\"x\"\"y\")", "a=:AA==:")]
    [InlineData("a=(\"X\")", "a=:AA==:")]
    [InlineData("a=(\"x\" \"x\")", "a=:AA==:")]
    [InlineData("a=(\"\")", "a=:AA==:")]
    [InlineData("a=(x)", "a=:AA==:")]
    [InlineData("a=(\"x\"),a=(\"y\")", "a=:AA==:")]
    [InlineData("a=(\"x\");created=1;created=2", "a=:AA==:")]
    [InlineData("a=(\"x\");n=%\"x\"", "a=:AA==:")]
    [InlineData("a=(\"x\");n=1.2345", "a=:AA==:")]
    [InlineData("a=(\"x\");n=1234567890123456", "a=:AA==:")]
    [InlineData("a=(\"x\") b=(\"x\")", "a=:AA==:")]
    [InlineData("a=(\"x\"),", "a=:AA==:")]
    [InlineData("a=(\"x\\z\")", "a=:AA==:")]
    [InlineData("a=(\"é\")", "a=:AA==:")]
    [InlineData("a=(\"x\")", "a=AA==")]
    [InlineData("a=(\"x\")", "a=:A:")]
    [InlineData("a=(\"x\")", "b=:AA==:")]
    [InlineData("a=(\"x\")", "")]
    [InlineData("a=(),b=(),c=(),d=(),e=()", "a=:AA==:,b=:AA==:,c=:AA==:,d=:AA==:,e=:AA==:")]
    public void Fields_that_cannot_be_read_are_refused(string input, string signature) =>
        Assert.False(MessageSignature.TryParse(input, signature, out _, out _));

    [Fact]
    public void Fields_of_any_octets_are_read_or_refused_and_what_is_read_is_written_alike()
    {
        string[] pieces = ["a", "sig1", "=", "(", ")", "\"", "@method", "\"@path\"", " ", ";", "created", "=1", "?1", ":", "AAAA", ",", "*", "\\", "\t", "1.5", "@12", "-", "é", "\0", "%"];
        var text = Gen.Elements(pieces).ArrayOf().Select(string.Concat);
        Check(Arb.From(text), field =>
        {
            var octets = Encoding.UTF8.GetBytes(field);
            MessageSignature.TryParse(octets, "a=:AAAA:, sig1=:AAAA:"u8, out var read, out var error);
            ContentDigest.Check(octets, octets);
            Assert.InRange(error.Position, 0, octets.Length);
            foreach (var signature in read ?? [])
            {
                Assert.True(MessageSignature.TryParse(signature.InputField, signature.SignatureField, out var again, out _));
                Assert.Equal(signature.InputField, again[0].InputField);
                Assert.Equal(signature.SignatureField, again[0].SignatureField);
            }
        });
    }

    [Fact]
    public void Whatever_a_signature_says_of_itself_comes_back()
    {
        var visible = Gen.Elements(Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (char)c).ToArray()).NonEmptyListOf().Select(list => string.Concat(list));
        Check(Arb.From(visible), value =>
        {
            var input = SignatureInput.Of(["@method"], Now, value, value, value);
            Assert.True(MessageSignature.TryParse($"x={input}", "x=:AAAA:", out var read, out _));
            Assert.Equal((value, value, value), (read[0].Input.KeyId, read[0].Input.Nonce, read[0].Input.Tag));
            Assert.Equal(Now.ToUnixTimeSeconds(), read[0].Input.Created);
        });
    }

    private static void Check<T>(Arbitrary<T> arbitrary, Action<T> body) =>
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(3000).WithEndSize(40).WithQuietOnSuccess(true), Prop.ForAll(arbitrary, body));

    private static readonly SignedRequest Plain = SignedRequest.To("POST", new(Address), name => name == "content-digest" ? [ContentDigest.Of("{}"u8)] : null);

    private static SignedRequest With(SignatureInput input, SigningKey key)
    {
        var signature = RequestSigner.Sign(Plain, input, key);
        return Plain with
        {
            Fields = name => name switch { "signature-input" => [signature.InputField], "signature" => [signature.SignatureField], _ => Plain.Fields(name) },
        };
    }

    private static (SignatureFault Fault, string Detail) Check(SignedRequest request, ReadOnlySpan<byte> body, out SignatureCandidate? candidate)
    {
        var fault = Rules.Check(request, body, Now, out candidate, out var detail);
        return (fault, detail);
    }

    private static async Task<(SignedRequest Request, byte[] Body)> SignedAsync(SigningKey key)
    {
        var body = Encoding.UTF8.GetBytes("{\"recipient\":\"alice@b.example\"}");
        using var message = new HttpRequestMessage(HttpMethod.Post, Address) { Content = new ByteArrayContent(body) };
        await RequestSigner.SignAsync(message, key, "a.example/2026a", "mailkey-agreements", Now, TestContext.Current.CancellationToken);
        var fields = message.Headers.Concat(message.Content.Headers).ToDictionary(field => field.Key.ToLowerInvariant(), field => field.Value.ToArray());
        return (SignedRequest.To("POST", new(Address), name => fields.GetValueOrDefault(name)), body);
    }
}
