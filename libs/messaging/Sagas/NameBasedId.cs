using System.Security.Cryptography;
using System.Text;

namespace Mailkey.Messaging.Sagas;

/// <summary>
/// Ids that follow from what they name, so that a message delivered twice, or two that arrive together, find the same saga
/// or the same event: UUID version 8 (RFC 9562 §5.8) over SHA-256.
/// </summary>
public static class NameBasedId
{
    /// <param name="kind">What is named, such as <c>deferred-delivery</c>; ids of two kinds never meet.</param>
    /// <param name="parts">The parts of the name, in order. <c>("ab", "c")</c> and <c>("a", "bc")</c> differ.</param>
    public static Guid Create(string kind, params ReadOnlySpan<string> parts)
    {
        Span<byte> id = stackalloc byte[SHA256.HashSizeInBytes];
        Hash(kind, parts, id);
        return ToGuid(id);
    }

    /// <summary>
    /// As <see cref="Create"/>, with the milliseconds of a time in front, as UUID version 7 has them: ids of neighbouring times
    /// are neighbours in an index. The time has to be part of what is named.
    /// </summary>
    public static Guid CreateAt(DateTimeOffset at, string kind, params ReadOnlySpan<string> parts)
    {
        Span<byte> id = stackalloc byte[SHA256.HashSizeInBytes + 2];
        Hash(kind, parts, id[2..]);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(id, at.ToUnixTimeMilliseconds() << 16 | (uint)(id[6] << 8 | id[7]));
        return ToGuid(id);
    }

    private static void Hash(string kind, ReadOnlySpan<string> parts, Span<byte> into)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, kind);
        foreach (var part in parts)
        {
            Append(hash, part);
        }

        hash.GetHashAndReset(into);
    }

    private static Guid ToGuid(Span<byte> id)
    {
        id[6] = (byte)((id[6] & 0x0F) | 0x80);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new Guid(id[..16], bigEndian: true);
    }

    private static void Append(IncrementalHash hash, string part)
    {
        var bytes = Encoding.UTF8.GetBytes(part);
        Span<byte> length = stackalloc byte[sizeof(int)];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
