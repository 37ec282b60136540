using System.Buffers.Binary;
using System.Text;

namespace Mailkey.Storage;

/// <summary>
/// The sidecar of a segment: which of its records nobody needs any more. Any process appends; a record is one write of
/// 16 octets, little-endian: offset (8), CRC-32C of the queue id (4), CRC-32C of the first twelve octets (4). It is not
/// synced: a release that a power cut takes away costs space until the content is an orphan, never mail.
/// </summary>
internal static class ReleaseLog
{
    public const int RecordSize = 16;

    public static void Write(Span<byte> record, long offset, string queueId)
    {
        BinaryPrimitives.WriteInt64LittleEndian(record, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], ContentHeader.Checksum(Encoding.UTF8.GetBytes(queueId)));
        BinaryPrimitives.WriteUInt32LittleEndian(record[12..], ContentHeader.Checksum(record[..12]));
    }

    /// <summary>The offsets of all released records, each once, however often it was released; null when there is no such file.</summary>
    public static HashSet<long>? Read(string path)
    {
        byte[] octets;
        try
        {
            octets = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        HashSet<long> offsets = new(octets.Length / RecordSize);
        Collect(octets, offsets);
        return offsets;
    }

    /// <summary>Adds the offsets of whole, undamaged records.</summary>
    public static void Collect(ReadOnlySpan<byte> records, HashSet<long> offsets)
    {
        for (var at = 0; at + RecordSize <= records.Length; at += RecordSize)
        {
            var record = records.Slice(at, RecordSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(record[12..]) == ContentHeader.Checksum(record[..12]))
            {
                offsets.Add(BinaryPrimitives.ReadInt64LittleEndian(record));
            }
        }
    }
}
