namespace Mailkey.Storage;

/// <summary>Reads a segment from its beginning, as after the death of its writer.</summary>
internal static class SegmentReader
{
    /// <summary>
    /// Complete records of a segment. The tail may be torn: the writer died before the sync, so nobody got an answer
    /// for what is there.
    /// </summary>
    public static int CountRecords(string path)
    {
        using var file = SegmentContentStore.OpenForReading(path);
        if (file is null)
        {
            return 0;
        }

        var length = RandomAccess.GetLength(file);
        var count = 0;
        Span<byte> octets = stackalloc byte[ContentHeader.Size];
        for (long at = 0; SegmentContentStore.ReadFully(file, octets, at) && ContentHeader.TryRead(octets, out var header);)
        {
            var next = at + ContentHeader.Size + header.Length;
            if (next > length)
            {
                break;
            }

            if (IsWhole(file, at + ContentHeader.Size, header))
            {
                count++;
            }

            at = next;
        }

        return count;
    }

    private static bool IsWhole(Microsoft.Win32.SafeHandles.SafeFileHandle file, long at, in ContentHeader header)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            var checksum = 0u;
            for (var left = header.Length; left > 0;)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(left, buffer.Length));
                if (!SegmentContentStore.ReadFully(file, part, at))
                {
                    return false;
                }

                checksum = ContentHeader.Checksum(part, checksum);
                at += part.Length;
                left -= part.Length;
            }

            return checksum == header.BodyChecksum;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
