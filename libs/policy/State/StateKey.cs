using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Mailkey.Policy.State;

/// <summary>
/// What greylisting or a rate limit counts by: 128 bits of a hash over the rule and its subject. Of one size whatever a sender
/// writes into an address, and no addresses are kept.
/// </summary>
public readonly record struct StateKey(UInt128 Bits)
{
    /// <summary>Octets of <see cref="ToArray"/>.</summary>
    public const int Length = 16;

    /// <param name="parts">None holds a line end: they are parts of SMTP commands.</param>
    public static StateKey Of(params ReadOnlySpan<string> parts)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts)), hash);
        return new(BinaryPrimitives.ReadUInt128BigEndian(hash));
    }

    public byte[] ToArray()
    {
        var octets = new byte[Length];
        BinaryPrimitives.WriteUInt128BigEndian(octets, Bits);
        return octets;
    }
}
