using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using Mailkey.Authentication.Keys;

namespace Mailkey.Authentication.Crypto;

/// <summary>A private key that signs: Ed25519 (RFC 8032) or RSA with PKCS #1 v1.5 (RFC 8017). Not thread-safe.</summary>
public sealed class SigningKey : IDisposable
{
    private const string Ed25519Oid = "1.3.101.112";
    private readonly Libcrypto.KeyHandle? ed25519;
    private readonly byte[]? seed;
    private readonly RSA? rsa;

    private SigningKey(byte[] seed)
    {
        Type = KeyType.Ed25519;
        this.seed = seed;
        ed25519 = Libcrypto.NewRawPrivateKey(Libcrypto.Ed25519, IntPtr.Zero, seed, (nuint)seed.Length);
        if (ed25519.IsInvalid)
        {
            throw Libcrypto.Fault("EVP_PKEY_new_raw_private_key");
        }
    }

    private SigningKey(RSA rsa)
    {
        Type = KeyType.Rsa;
        this.rsa = rsa;
    }

    public KeyType Type { get; }

    /// <summary>Bits of the modulus; 256 for Ed25519.</summary>
    public int Bits => rsa?.KeySize ?? 256;

    public static SigningKey GenerateEd25519() => new(RandomNumberGenerator.GetBytes(Ed25519PublicKey.Length));

    /// <param name="bits"><see cref="VerifyKey.MinRsaBits"/> to <see cref="VerifyKey.MaxRsaBits"/>.</param>
    public static SigningKey GenerateRsa(int bits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, VerifyKey.MinRsaBits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, VerifyKey.MaxRsaBits);
        return new(RSA.Create(bits));
    }

    /// <summary>Reads PEM: PKCS #8 of either type (RFC 5958, RFC 8410), or PKCS #1 of RSA. Not encrypted.</summary>
    /// <param name="error">What is wrong, without any of the key.</param>
    public static bool TryImportPem(string pem, [NotNullWhen(true)] out SigningKey? key, [NotNullWhen(false)] out string? error)
    {
        key = null;
        error = null;
        if (!PemEncoding.TryFind(pem, out var fields))
        {
            error = "no PEM block found";
            return false;
        }

        var label = pem[fields.Label];
        if (label is not ("PRIVATE KEY" or "RSA PRIVATE KEY"))
        {
            error = $"the PEM block is \"{label}\", not an unencrypted \"PRIVATE KEY\"";
            return false;
        }

        var der = new byte[fields.DecodedDataLength];
        try
        {
            Convert.TryFromBase64Chars(pem.AsSpan()[fields.Base64Data], der, out _);
            if (label == "PRIVATE KEY" && TryReadEd25519(der, out var seed))
            {
                key = new SigningKey(seed);
                return true;
            }

            var imported = RSA.Create();
            try
            {
                if (label == "PRIVATE KEY")
                {
                    imported.ImportPkcs8PrivateKey(der, out _);
                }
                else
                {
                    imported.ImportRSAPrivateKey(der, out _);
                }
            }
            catch (CryptographicException)
            {
                imported.Dispose();
                error = "the key is neither Ed25519 nor RSA, or is damaged";
                return false;
            }

            if (imported.KeySize is < VerifyKey.MinRsaBits or > VerifyKey.MaxRsaBits)
            {
                error = $"an RSA key of {imported.KeySize} bits; {VerifyKey.MinRsaBits} to {VerifyKey.MaxRsaBits} are accepted";
                imported.Dispose();
                return false;
            }

            key = new SigningKey(imported);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    /// <summary>The private key as PKCS #8 in PEM.</summary>
    public string ExportPem()
    {
        if (rsa is not null)
        {
            return rsa.ExportPkcs8PrivateKeyPem() + "\n";
        }

        // OneAsymmetricKey of RFC 5958 §2 with the CurvePrivateKey of RFC 8410 §7.
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(0);
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(Ed25519Oid);
            }

            using (writer.PushOctetString())
            {
                writer.WriteOctetString(seed);
            }
        }

        var der = writer.Encode();
        try
        {
            return PemEncoding.WriteString("PRIVATE KEY", der) + "\n";
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    /// <summary>The public key in the form that a key set publishes: 32 raw octets, or SubjectPublicKeyInfo.</summary>
    public byte[] ExportPublicKey()
    {
        if (rsa is not null)
        {
            return rsa.ExportSubjectPublicKeyInfo();
        }

        var raw = new byte[Ed25519PublicKey.Length];
        var length = (nuint)raw.Length;
        return Libcrypto.GetRawPublicKey(ed25519!, raw, ref length) == 1 ? raw : throw Libcrypto.Fault("EVP_PKEY_get_raw_public_key");
    }

    /// <summary>Signs a text with Ed25519 itself, as HTTP signatures want it (RFC 9421 §3.3.6).</summary>
    /// <exception cref="InvalidOperationException">An RSA key signs hashes.</exception>
    public byte[] SignText(ReadOnlySpan<byte> text) => rsa is null ? SignHash(text) : throw new InvalidOperationException("An RSA key signs hashes.");

    /// <summary>Signs a SHA-256: RSASSA-PKCS1-v1_5 (RFC 6376 §3.3.1), or PureEdDSA over the hash (RFC 8463 §3).</summary>
    public byte[] SignHash(ReadOnlySpan<byte> sha256)
    {
        if (rsa is not null)
        {
            return rsa.SignHash(sha256, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }

        using var context = Libcrypto.NewContext();
        if (context.IsInvalid || Libcrypto.DigestSignInit(context, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, ed25519!) != 1)
        {
            throw Libcrypto.Fault("EVP_DigestSignInit");
        }

        var signature = new byte[Ed25519PublicKey.SignatureLength];
        var length = (nuint)signature.Length;
        return Libcrypto.DigestSign(context, signature, ref length, sha256, (nuint)sha256.Length) == 1 ? signature : throw Libcrypto.Fault("EVP_DigestSign");
    }

    public void Dispose()
    {
        rsa?.Dispose();
        ed25519?.Dispose();
        CryptographicOperations.ZeroMemory(seed);
    }

    private static bool TryReadEd25519(byte[] der, [NotNullWhen(true)] out byte[]? seed)
    {
        seed = null;
        try
        {
            var key = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
            key.ReadInteger();
            if (key.ReadSequence().ReadObjectIdentifier() != Ed25519Oid)
            {
                return false;
            }

            var octets = new AsnReader(key.ReadOctetString(), AsnEncodingRules.DER).ReadOctetString();
            seed = octets.Length == Ed25519PublicKey.Length ? octets : null;
            return seed is not null;
        }
        catch (AsnContentException)
        {
            // Not PKCS #8 at all: the import as RSA says so.
            return false;
        }
    }
}
