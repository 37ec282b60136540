using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Mailkey.Contracts;

namespace Mailkey.Storage;

/// <summary>
/// What stands before each content, in a segment and in an object of its own. Integers are little-endian.
/// <code>
///  0  magic "MKC1"                     4
///  4  length of prefix and body        8
/// 12  length of the prefix             4   (0 in a segment, where prefix and body are one)
/// 16  CRC-32C of the prefix            4
/// 20  CRC-32C of the body              4
/// 24  length of the queue id           1
/// 25  queue id, ASCII, zero padded    35
/// 60  CRC-32C of octets 0 to 59        4
/// </code>
/// </summary>
internal readonly record struct ContentHeader(string QueueId, long Length, int PrefixLength, uint PrefixChecksum, uint BodyChecksum)
{
    public const int Size = 64;
    public const int MaxQueueId = 35;

    /// <summary>Room for our trace fields in front of a content, which are known only after the content.</summary>
    public const int MaxPrefix = ContentReference.MaxPrefix;

    /// <summary>Where the body of an object begins; its prefix stands directly before it.</summary>
    public const int ObjectBody = Size + MaxPrefix;

    private static ReadOnlySpan<byte> Magic => "MKC1"u8;

    /// <summary>Where the content of an object begins in its file.</summary>
    public int ObjectStart => ObjectBody - PrefixLength;

    public static bool IsQueueId([NotNullWhen(true)] string? queueId) =>
        queueId is { Length: > 0 and <= MaxQueueId } && !queueId.AsSpan().ContainsAnyExceptInRange('!', '~');

    public void Write(Span<byte> target)
    {
        target = target[..Size];
        target.Clear();
        Magic.CopyTo(target);
        BinaryPrimitives.WriteInt64LittleEndian(target[4..], Length);
        BinaryPrimitives.WriteInt32LittleEndian(target[12..], PrefixLength);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], PrefixChecksum);
        BinaryPrimitives.WriteUInt32LittleEndian(target[20..], BodyChecksum);
        target[24] = (byte)Encoding.ASCII.GetBytes(QueueId, target[25..60]);
        BinaryPrimitives.WriteUInt32LittleEndian(target[60..], Checksum(target[..60]));
    }

    public static bool TryRead(ReadOnlySpan<byte> source, out ContentHeader header)
    {
        header = default;
        if (source.Length < Size
            || !source.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(source[60..]) != Checksum(source[..60])
            || source[24] > MaxQueueId)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt64LittleEndian(source[4..]);
        var prefix = BinaryPrimitives.ReadInt32LittleEndian(source[12..]);
        if (length < 0 || prefix is < 0 or > MaxPrefix || prefix > length)
        {
            return false;
        }

        header = new(
            Encoding.ASCII.GetString(source.Slice(25, source[24])),
            length,
            prefix,
            BinaryPrimitives.ReadUInt32LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[20..]));
        return true;
    }

    /// <summary>CRC-32C (Castagnoli); an earlier result as <paramref name="seed"/> goes on where that ended.</summary>
    public static uint Checksum(ReadOnlySpan<byte> octets, uint seed = 0)
    {
        var crc = ~seed;
        var words = MemoryMarshal.Cast<byte, ulong>(octets);
        foreach (var word in words)
        {
            crc = BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        }

        foreach (var octet in octets[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, octet);
        }

        return ~crc;
    }
}
