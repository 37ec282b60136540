using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;

namespace Mailkey.HttpSignatures.Tests;

/// <summary>The examples of RFC 9421, appendix B, and of RFC 9530.</summary>
public sealed class Rfc9421ExampleTests
{
    private const string Input = """sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519" """;
    private const string Signature = "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";

    // Appendix B.1.4
    private const string PrivateKey = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";
    private const string PublicKey = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";

    // Appendix B.2
    private const string Body = """{"hello": "world"}""";
    private const string Digest = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

    internal static SignedRequest Request { get; } = new("POST", "https", "example.com", "/foo?param=Value&Pet=dog", name => name switch
    {
        "host" => ["example.com"],
        "date" => ["Tue, 20 Apr 2021 02:07:55 GMT"],
        "content-type" => ["application/json"],
        "content-digest" => [Digest],
        "content-length" => ["18"],
        _ => null,
    });

    [Fact]
    public void B26_is_verified_and_made_again_octet_by_octet()
    {
        Assert.True(MessageSignature.TryParse(Input, Signature, out var signatures, out _));
        var signature = Assert.Single(signatures);
        Assert.True(SignatureBase.TryWrite(Request, signature.Input, out var text, out _));
        Assert.Equal(
            """
            "date": Tue, 20 Apr 2021 02:07:55 GMT
            "@method": POST
            "@path": /foo
            "@authority": example.com
            "content-type": application/json
            "content-length": 18
            "@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"
            """,
            Encoding.ASCII.GetString(text));
        Assert.True(VerifyKey.TryImport(KeyType.Ed25519, Convert.FromBase64String(PublicKey), out var published, out _));
        Assert.True(SignatureAlgorithm.Verify(published, text, signature.Value.Span));
        text[0] ^= 1;
        Assert.False(SignatureAlgorithm.Verify(published, text, signature.Value.Span));

        Assert.True(SigningKey.TryImportPem(PrivateKey, out var key, out _));
        using (key)
        {
            var made = RequestSigner.Sign(
                Request,
                SignatureInput.Of(["date", "@method", "@path", "@authority", "content-type", "content-length"], DateTimeOffset.FromUnixTimeSeconds(1618884473), "test-key-ed25519"),
                key,
                "sig-b26");
            Assert.Equal(Input.TrimEnd(), made.InputField);
            Assert.Equal(Signature, made.SignatureField);
        }
    }

    // The bases of B.2.1 to B.2.3, whose algorithms no key set has.
    [Theory]
    [InlineData(
        """sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd" """,
        """
        "@signature-params": ();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"
        """)]
    [InlineData(
        """sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss" """,
        """
        "date": Tue, 20 Apr 2021 02:07:55 GMT
        "@method": POST
        "@path": /foo
        "@query": ?param=Value&Pet=dog
        "@authority": example.com
        "content-type": application/json
        "content-digest": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:
        "content-length": 18
        "@signature-params": ("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"
        """)]
    public void Other_examples_have_the_base_that_they_print(string input, string expected)
    {
        Assert.True(MessageSignature.TryParse(input, $"{input[..input.IndexOf('=', StringComparison.Ordinal)]}=:AAAA:", out var signatures, out _));
        Assert.True(SignatureBase.TryWrite(Request, signatures[0].Input, out var text, out _));
        Assert.Equal(expected.TrimEnd(), Encoding.ASCII.GetString(text));
    }

    [Fact]
    public void Digest_of_the_example_fits_its_body_alone()
    {
        Assert.Equal(ContentDigestResult.Good, ContentDigest.Check(Digest, Encoding.ASCII.GetBytes(Body)));
        Assert.Equal(ContentDigestResult.Bad, ContentDigest.Check(Digest, Encoding.ASCII.GetBytes(Body + "\n")));

        // RFC 9530 appendix B: the same text with a line feed.
        Assert.Equal("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", ContentDigest.Of(Encoding.ASCII.GetBytes(Body + "\n")));
    }
}
