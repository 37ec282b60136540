using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Contracts.Agreements;
using Mailkey.Smtp.Sasl;

namespace Mailkey.Ingress.Agreements;

/// <summary>The server's side of one SCRAM-SHA-256 (RFC 5802 §3, RFC 7677), and of the check of a secret in clear against the same keys.</summary>
internal sealed class ScramExchange
{
    /// <summary>Octets of our part of the nonce, before base64.</summary>
    private const int NonceLength = 18;

    private readonly byte[] _clientHeader;
    private readonly byte[] _clientBare;
    private readonly byte[] _clientNonce;
    private ScramCredential? _credential;
    private string _serverFirst = "";
    private string _nonce = "";

    private ScramExchange(byte[] header, byte[] bare, byte[] nonce, string name) => (_clientHeader, _clientBare, _clientNonce, Name) = (header, bare, nonce, name);

    /// <summary>Who the client says it is.</summary>
    public string Name { get; }

    /// <summary>Reads the client's first message; null when it is none.</summary>
    public static ScramExchange? Begin(ReadOnlySpan<byte> clientFirst)
    {
        if (!ScramClientFirst.TryParse(clientFirst, out var first))
        {
            return null;
        }

        // Nobody acts as anybody else.
        return !first.Authorization.IsEmpty && !first.Authorization.SequenceEqual(first.Name)
            ? null
            : new(first.Header.ToArray(), first.Bare.ToArray(), first.Nonce.ToArray(), Unescape(first.Name));
    }

    /// <summary>The server's first message: nonce, salt and rounds.</summary>
    public string Challenge(ScramCredential credential)
    {
        _credential = credential;
        _nonce = Encoding.ASCII.GetString(_clientNonce) + Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceLength));
        return _serverFirst = string.Create(CultureInfo.InvariantCulture, $"r={_nonce},s={Convert.ToBase64String(credential.Salt)},i={credential.Iterations}");
    }

    /// <summary>Checks the proof of the client's last message.</summary>
    /// <param name="serverFinal">The server's last message, which proves to the client that this is the server that has the keys.</param>
    /// <returns>Null when the message is none.</returns>
    public bool? Check(ReadOnlySpan<byte> clientFinal, out string serverFinal)
    {
        serverFinal = "";
        Span<byte> proof = stackalloc byte[SHA256.HashSizeInBytes];
        if (!ScramClientFinal.TryParse(clientFinal, out var final) || !TryDecode(final.Proof, proof))
        {
            return null;
        }

        // The header comes again, in the proof: nobody on the way took a flag out of it.
        var header = Encoding.ASCII.GetBytes(Convert.ToBase64String(_clientHeader));
        if (!final.ChannelBinding.SequenceEqual(header) || !CryptographicOperations.FixedTimeEquals(final.Nonce, Encoding.ASCII.GetBytes(_nonce)))
        {
            return false;
        }

        // AuthMessage := client-first-message-bare + "," + server-first-message + "," + client-final-message-without-proof
        byte[] message = [.. _clientBare, (byte)',', .. Encoding.ASCII.GetBytes(_serverFirst), (byte)',', .. final.WithoutProof];
        Span<byte> key = stackalloc byte[SHA256.HashSizeInBytes];
        HMACSHA256.HashData(_credential!.StoredKey, message, key);
        for (var i = 0; i < key.Length; i++)
        {
            key[i] ^= proof[i];
        }

        Span<byte> stored = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, stored);
        serverFinal = $"v={Convert.ToBase64String(HMACSHA256.HashData(_credential.ServerKey, message))}";
        return CryptographicOperations.FixedTimeEquals(stored, _credential.StoredKey);
    }

    /// <summary>Checks a secret that the client sent in clear.</summary>
    public static bool IsSecret(ReadOnlySpan<byte> secret, ScramCredential credential)
    {
        var salted = Rfc2898DeriveBytes.Pbkdf2(secret, credential.Salt, credential.Iterations, HashAlgorithmName.SHA256, SHA256.HashSizeInBytes);
        var stored = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        CryptographicOperations.ZeroMemory(salted);
        return CryptographicOperations.FixedTimeEquals(stored, credential.StoredKey);
    }

    // The proof of SHA-256 is 32 octets: 44 characters with one "=".
    private static bool TryDecode(ReadOnlySpan<byte> base64, Span<byte> proof)
    {
        Span<byte> octets = stackalloc byte[64];
        return base64.Length == 44 && System.Buffers.Text.Base64.DecodeFromUtf8(base64, octets, out _, out var length) == System.Buffers.OperationStatus.Done
            && length == proof.Length && octets[..length].TryCopyTo(proof);
    }

    private static string Unescape(ReadOnlySpan<byte> name) =>
        Encoding.UTF8.GetString(name).Replace("=2C", ",", StringComparison.Ordinal).Replace("=3D", "=", StringComparison.Ordinal);
}
