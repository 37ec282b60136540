using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Authentication.Tests.Signatures;

namespace Mailkey.Authentication.Tests.Crypto;

public sealed class VerifyKeyTests
{
    // SubjectPublicKeyInfo of RSA (RFC 3279 §2.3.1) with any numbers in it.
    private static byte[] SubjectPublicKeyInfo(BigInteger modulus, BigInteger exponent, string algorithm = "1.2.840.113549.1.1.1", int trailing = 0)
    {
        var key = new AsnWriter(AsnEncodingRules.DER);
        using (key.PushSequence())
        {
            key.WriteInteger(modulus);
            key.WriteInteger(exponent);
        }

        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(algorithm);
                writer.WriteNull();
            }

            writer.WriteBitString(key.Encode());
        }

        return [.. writer.Encode(), .. new byte[trailing]];
    }

    private static BigInteger Modulus(int bits) => (BigInteger.One << (bits - 1)) + 1;

    public static TheoryData<byte[], string> OddRsaKeys { get; } = new()
    {
        { SubjectPublicKeyInfo(Modulus(1024), 65537), "an RSA key of 1024 bits is too short; 2048 is the least" },
        { SubjectPublicKeyInfo(Modulus(2047), 65537), "an RSA key of 2047 bits is too short; 2048 is the least" },
        { SubjectPublicKeyInfo(Modulus(4097), 65537), "an RSA key of 4097 bits is too long; 4096 is the most" },
        { SubjectPublicKeyInfo(Modulus(65536), 65537), "an RSA key of 8230 octets is longer than one of 4096 bits can be" },
        { SubjectPublicKeyInfo(Modulus(2048), 1), "the exponent of the RSA key is even, less than 3 or longer than 32 bits" },
        { SubjectPublicKeyInfo(Modulus(2048), 65536), "the exponent of the RSA key is even, less than 3 or longer than 32 bits" },
        { SubjectPublicKeyInfo(Modulus(2048), (BigInteger.One << 32) + 1), "the exponent of the RSA key is even, less than 3 or longer than 32 bits" },
        { SubjectPublicKeyInfo(Modulus(2048), -3), "the RSA key is damaged" },
        { SubjectPublicKeyInfo(-Modulus(2048), 65537), "the RSA key is damaged" },
        { SubjectPublicKeyInfo(Modulus(2048) + 1, 65537), "the RSA key is damaged" },
        { SubjectPublicKeyInfo(Modulus(2048), 65537, "1.2.840.10045.2.1"), "the algorithm of the key is not rsaEncryption" },
        { SubjectPublicKeyInfo(Modulus(2048), 65537, trailing: 1), "the RSA key is not a SubjectPublicKeyInfo in DER" },
        { new byte[] { 1, 2, 3 }, "the RSA key is not a SubjectPublicKeyInfo in DER" },
        { Array.Empty<byte>(), "the RSA key is not a SubjectPublicKeyInfo in DER" },
    };

    [Theory]
    [MemberData(nameof(OddRsaKeys))]
    public void VerifyKey_refuses_odd_RSA_keys_before_it_calculates(byte[] material, string reason)
    {
        Assert.False(VerifyKey.TryImport(KeyType.Rsa, material, out _, out var error));
        Assert.Equal(reason, error);
    }

    [Theory]
    [InlineData("", "an Ed25519 key has 32 octets")]
    [InlineData("11", "an Ed25519 key has 32 octets")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000", "not a usable Ed25519 key")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000080", "not a usable Ed25519 key")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "not a usable Ed25519 key")]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "not a usable Ed25519 key")]
    public void VerifyKey_refuses_odd_Ed25519_keys(string hex, string reason)
    {
        Assert.False(VerifyKey.TryImport(KeyType.Ed25519, Convert.FromHexString(hex), out _, out var error));
        Assert.Equal(reason, error);
    }

    [Fact]
    public void Ed25519_agrees_with_the_vectors_of_RFC_8032()
    {
        // RFC 8032 §7.1, TEST 3.
        Assert.True(Ed25519PublicKey.TryImport(Convert.FromHexString("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"), out var key));
        var signature = Convert.FromHexString(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
        using (key)
        {
            Assert.True(key.Verify([0xaf, 0x82], signature));
            Assert.False(key.Verify([0xaf, 0x83], signature));
            signature[63] |= 0xe0; // s out of range (RFC 8032 §5.1.7)
            Assert.False(key.Verify([0xaf, 0x82], signature));
            Assert.False(key.Verify([0xaf, 0x82], signature.AsSpan(1)));
        }
    }

    [Theory]
    [InlineData(KeyType.Ed25519)]
    [InlineData(KeyType.Rsa)]
    public void SigningKey_survives_PEM(KeyType type)
    {
        var original = TestKeys.Of(type);
        Assert.True(SigningKey.TryImportPem("a note\n" + original.ExportPem(), out var read, out _));
        using (read)
        {
            Assert.Equal(type, read.Type);
            Assert.Equal(original.ExportPublicKey(), read.ExportPublicKey());
            Assert.True(VerifyKey.TryImport(type, read.ExportPublicKey(), out var key, out _));
            var hash = SHA256.HashData("x"u8);
            Assert.True(key.VerifyHash(hash, read.SignHash(hash)));
            Assert.False(key.VerifyHash(SHA256.HashData("y"u8), read.SignHash(hash)));
        }
    }

    [Fact]
    public void SigningKey_reads_what_OpenSSL_writes()
    {
        // RFC 8410 §10.3.
        const string Pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        Assert.True(SigningKey.TryImportPem(Pem, out var key, out _));
        using (key)
        {
            Assert.Equal("Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=", Convert.ToBase64String(key.ExportPublicKey()));
            Assert.Equal(Pem, key.ExportPem());
        }
    }

    [Theory]
    [InlineData("", "no PEM block found")]
    [InlineData("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "the PEM block is \"PUBLIC KEY\", not an unencrypted \"PRIVATE KEY\"")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "the key is neither Ed25519 nor RSA, or is damaged")]
    public void SigningKey_says_what_is_wrong_with_a_file(string pem, string reason)
    {
        Assert.False(SigningKey.TryImportPem(pem, out _, out var error));
        Assert.Equal(reason, error);
    }

    [Fact]
    public void SigningKey_refuses_a_short_RSA_key()
    {
        using var rsa = RSA.Create(1024);
        Assert.False(SigningKey.TryImportPem(rsa.ExportPkcs8PrivateKeyPem(), out _, out var error));
        Assert.Equal("an RSA key of 1024 bits; 2048 to 4096 are accepted", error);
    }

    [Fact]
    public void VerifyKeyCache_imports_a_key_once_and_stays_bounded()
    {
        var cache = new VerifyKeyCache(10);
        var wanted = SignedMessage.Published(TestKeys.Rsa);
        Assert.True(cache.TryGet(wanted, out var first, out _));
        for (var i = 0; i < 100; i++)
        {
            using var other = SigningKey.GenerateEd25519();
            Assert.True(cache.TryGet(SignedMessage.Published(other), out _, out _));
            Assert.InRange(cache.Count, 1, 10);

            // Used all the time, it survives those that are not; found by its material, whatever record it comes in.
            Assert.True(cache.TryGet(wanted with { Material = wanted.Material.ToArray() }, out var again, out _));
            Assert.Same(first, again);
        }
    }

    [Fact]
    public void VerifyKeyCache_keeps_no_unusable_key()
    {
        var cache = new VerifyKeyCache();
        Assert.False(cache.TryGet(SignedMessage.Published(TestKeys.Ed25519) with { Type = KeyType.Rsa }, out _, out var error));
        Assert.Equal("the RSA key is not a SubjectPublicKeyInfo in DER", error);
        Assert.Equal(0, cache.Count);
    }
}
