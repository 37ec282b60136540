using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Signatures;
using Mailkey.Mime;

namespace Mailkey.Authentication.Tests.Signatures;

/// <summary>A message with its envelope, and what it takes to sign and verify it.</summary>
internal sealed record SignedMessage
{
    public const string Domain = "example.org";

    public static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

    public string Header { get; init; } =
        "Received: from a by b; Sun, 22 Nov 2026 02:43:05 +0000\r\nFrom: Ann <ann@example.org>\r\nTo: bob@example.net,\r\n\t carol@example.net\r\n" +
        "Subject: Dinner  at eight\r\nDate: Sun, 22 Nov 2026 02:43:05 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n";

    public string Body { get; init; } = "Hello Bob,\r\n\r\nhere  is some\ttext. \r\n\r\n\r\n";

    public string ReversePath { get; init; } = "ann@example.org";

    public IReadOnlyList<string> ForwardPaths { get; init; } = ["bob@example.net", "carol@example.net"];

    /// <summary>The domain that the verifier judges.</summary>
    public string JudgedDomain { get; init; } = Domain;

    public DateTimeOffset VerifiedAt { get; init; } = Now;

    public static byte[] HashBody(string body, Canonicalization canonicalization)
    {
        using var hasher = new BodyHasher(canonicalization);
        hasher.Append(Encoding.Latin1.GetBytes(body));
        return hasher.Finish();
    }

    public static KeySet KeySet(params PublishedKey[] keys) => new() { Domain = Domain, Keys = keys };

    public static PublishedKey Published(SigningKey key, string name = "2026a", bool test = false, KeyStatus status = KeyStatus.Active) =>
        new() { Name = name, Type = key.Type, Status = status, Test = test, Material = key.ExportPublicKey() };

    public SignedMessage SignedWith(
        SigningKey key, Canonicalization header = Canonicalization.Relaxed, Canonicalization body = Canonicalization.Relaxed, string name = "2026a", TimeSpan? lifetime = null, DateTimeOffset? at = null)
    {
        var signer = new MailkeySigner
        {
            Key = key, KeyName = name, Domain = Domain, HeaderCanonicalization = header, BodyCanonicalization = body, Lifetime = lifetime ?? MailkeyRules.DefaultLifetime,
        };
        var field = signer.Sign(HeaderBlock.Parse(Encoding.Latin1.GetBytes(Header)), HashBody(Body, body), ReversePath, ForwardPaths, at ?? Now);
        return this with { Header = Encoding.Latin1.GetString(field) + Header };
    }

    public SignatureVerdict Verify(KeySet keys, SignatureVerifier? verifier = null) => (verifier ?? new SignatureVerifier()).Verify(Input(), keys);

    public SignatureInput Input()
    {
        var block = HeaderBlock.Parse(Encoding.Latin1.GetBytes(Header));

        // Only what was asked for is hashed, as ingress does it.
        var asked = SignatureFields.CanonicalizationsAskedFor(block);
        return new SignatureInput
        {
            Headers = block,
            Body = new BodyDigests(
                asked.HasFlag(Canonicalizations.Simple) ? HashBody(Body, Canonicalization.Simple) : default,
                asked.HasFlag(Canonicalizations.Relaxed) ? HashBody(Body, Canonicalization.Relaxed) : default),
            Domain = JudgedDomain,
            ReversePath = ReversePath,
            ForwardPaths = ForwardPaths,
            Now = VerifiedAt,
        };
    }
}

/// <summary>Keys that take long to make, made once.</summary>
internal static class TestKeys
{
    private static readonly Lazy<SigningKey> RsaKey = new(() => SigningKey.GenerateRsa(2048));
    private static readonly Lazy<SigningKey> Ed25519Key = new(SigningKey.GenerateEd25519);

    public static SigningKey Rsa => RsaKey.Value;

    public static SigningKey Ed25519 => Ed25519Key.Value;

    public static SigningKey Of(KeyType type) => type == KeyType.Rsa ? Rsa : Ed25519;
}
