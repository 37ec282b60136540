using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Mailkey.Authentication.Signatures;

/// <summary>
/// The form in which addresses of the envelope enter a signature (tags mf and rt): the local part octet for octet, the domain as
/// lower-case A-labels.
/// </summary>
public static class EnvelopeBinding
{
    /// <summary>Octets of the SHA-256 that stands for a forward-path.</summary>
    public const int HashLength = 32;

    /// <summary>The form of a path that is signed: UTF-8, without brackets. A path without domain, such as postmaster, stays as it is.</summary>
    public static string Normalize(string path)
    {
        ArgumentNullException.ThrowIfNull(path);

        // No domain holds an at sign, a quoted local part may.
        var at = path.LastIndexOf('@');
        return at < 0 ? path : string.Concat(path.AsSpan(0, at + 1), NormalizeDomain(path[(at + 1)..]));
    }

    /// <summary>A domain as lower-case A-labels (RFC 5890 §2.3.2.1); lower case only where it cannot be one.</summary>
    public static string NormalizeDomain(string domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        if (!Ascii.IsValid(domain))
        {
            try
            {
                return new IdnMapping().GetAscii(domain).ToLowerInvariant();
            }
            catch (ArgumentException)
            {
                // No IDN, so it equals only what is written just like it.
            }
        }

        return domain.ToLowerInvariant();
    }

    /// <summary>SHA-256 of a normalised forward-path.</summary>
    public static void Hash(string forwardPath, Span<byte> destination)
    {
        var path = Normalize(forwardPath);
        var size = Encoding.UTF8.GetMaxByteCount(path.Length);
        var octets = size <= 1024 ? stackalloc byte[1024] : new byte[size];
        var length = Encoding.UTF8.GetBytes(path, octets);
        SHA256.HashData(octets[..length], destination);
    }

    /// <summary>Whether the tag mf names the reverse-path of this transaction.</summary>
    /// <returns>Null when the tag is not base64 of UTF-8.</returns>
    internal static bool? ReversePathMatches(ReadOnlySpan<byte> mf, string reversePath)
    {
        if (mf.IsEmpty)
        {
            return reversePath.Length == 0;
        }

        var octets = ArrayPool<byte>.Shared.Rent(mf.Length);
        try
        {
            if (!Base64Value.TryDecode(mf, octets, out var length))
            {
                return null;
            }

            return Normalize(Encoding.UTF8.GetString(octets, 0, length)) == Normalize(reversePath);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(octets);
        }
    }

    /// <summary>Looks for the first forward-path that the tag rt does not hold.</summary>
    /// <param name="missing">Its index; -1 when there is none.</param>
    /// <returns>False when the tag is no list of SHA-256 in base64.</returns>
    internal static bool TryFindMissing(ReadOnlySpan<byte> rt, IReadOnlyList<string> forwardPaths, out int missing)
    {
        missing = -1;
        var entries = rt.Count((byte)',') + 1;

        // The first eight octets of each hash, side by side, so that the search for one is a single vectorised pass.
        var hashes = ArrayPool<byte>.Shared.Rent(entries * HashLength);
        var prefixes = ArrayPool<ulong>.Shared.Rent(entries);
        try
        {
            var count = 0;
            foreach (var range in rt.Split((byte)','))
            {
                var hash = hashes.AsSpan(count * HashLength, HashLength);
                if (!Base64Value.TryDecode(rt[range], hash, out var length) || length != HashLength)
                {
                    return false;
                }

                prefixes[count++] = MemoryMarshal.Read<ulong>(hash);
            }

            Span<byte> wanted = stackalloc byte[HashLength];
            for (var i = 0; i < forwardPaths.Count; i++)
            {
                Hash(forwardPaths[i], wanted);
                if (!Contains(hashes, prefixes.AsSpan(0, count), wanted))
                {
                    missing = i;
                    return true;
                }
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(hashes);
            ArrayPool<ulong>.Shared.Return(prefixes);
        }
    }

    private static bool Contains(ReadOnlySpan<byte> hashes, ReadOnlySpan<ulong> prefixes, ReadOnlySpan<byte> wanted)
    {
        // A prefix may repeat by intent, but then the hash behind it repeats as well, or someone found collisions of 64 bits.
        var index = prefixes.IndexOf(MemoryMarshal.Read<ulong>(wanted));
        return index >= 0 && hashes.Slice(index * HashLength, HashLength).SequenceEqual(wanted);
    }
}
