namespace Mailkey.Authentication.Crypto;

/// <summary>An imported Ed25519 public key (RFC 8032). Any number of threads may verify with it at the same time.</summary>
public sealed class Ed25519PublicKey : IDisposable
{
    /// <summary>Octets of a raw public key (RFC 8032 §5.1.5).</summary>
    public const int Length = 32;

    /// <summary>Octets of a signature (RFC 8032 §5.1.6).</summary>
    public const int SignatureLength = 64;

    private readonly Libcrypto.KeyHandle key;

    internal Ed25519PublicKey(Libcrypto.KeyHandle key) => this.key = key;

    /// <summary>Imports a raw key.</summary>
    /// <returns>False unless it has 32 octets and is a point that is of use: under a point of small order everybody's signature is good.</returns>
    public static bool TryImport(ReadOnlySpan<byte> raw, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Ed25519PublicKey? publicKey)
    {
        publicKey = null;
        if (raw.Length != Length || IsSmallOrder(raw))
        {
            return false;
        }

        var imported = Libcrypto.NewRawPublicKey(Libcrypto.Ed25519, IntPtr.Zero, raw, Length);
        if (imported.IsInvalid)
        {
            imported.Dispose();
            Libcrypto.ClearErrors();
            return false;
        }

        publicKey = new Ed25519PublicKey(imported);
        return true;
    }

    /// <summary>Verifies a PureEdDSA signature over data, which for RFC 8463 is a SHA-256.</summary>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != SignatureLength)
        {
            return false;
        }

        using var context = Libcrypto.NewContext();
        if (context.IsInvalid || Libcrypto.DigestVerifyInit(context, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, key) != 1)
        {
            throw Libcrypto.Fault("EVP_DigestVerifyInit");
        }

        if (Libcrypto.DigestVerify(context, signature, SignatureLength, data, (nuint)data.Length) == 1)
        {
            return true;
        }

        // 0 is a wrong signature, less is one that is none (a point or scalar out of range). Both leave an entry in the
        // error queue of this thread, which the next user of OpenSSL on it, TLS for one, would take for its own.
        Libcrypto.ClearErrors();
        return false;
    }

    public void Dispose() => key.Dispose();

    // The eight points of small order and their non-canonical encodings, without the sign bit: y = 0, 1, -1 and the two of order 8.
    private static bool IsSmallOrder(ReadOnlySpan<byte> raw)
    {
        Span<byte> y = stackalloc byte[Length];
        raw.CopyTo(y);
        y[31] &= 0x7f;
        foreach (var encoding in SmallOrder)
        {
            if (y.SequenceEqual(encoding))
            {
                return true;
            }
        }

        return false;
    }

    private static readonly byte[][] SmallOrder =
    [
        Convert.FromHexString("0000000000000000000000000000000000000000000000000000000000000000"),
        Convert.FromHexString("0100000000000000000000000000000000000000000000000000000000000000"),
        Convert.FromHexString("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        Convert.FromHexString("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        Convert.FromHexString("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        Convert.FromHexString("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        Convert.FromHexString("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ];
}
