using System.Buffers.Binary;
using Mailkey.Messaging.Sagas;

namespace Mailkey.Messaging;

/// <summary>
/// The queue id of a message that this system made: looks like every other one, and follows from what it is about. So whatever is done
/// twice is done to the same message.
/// </summary>
public static class OwnQueueId
{
    private const string Digits = "0123456789ABCDFGHJKLMNPQRSTVWXYZ";
    private const int Length = 16;

    /// <param name="kind">What it is, such as <c>delivery-report</c>; ids of two kinds never meet.</param>
    /// <param name="id">What it is about.</param>
    public static string Of(string kind, Guid id)
    {
        Span<byte> name = stackalloc byte[16];
        NameBasedId.Create(kind, id.ToString("N")).TryWriteBytes(name, bigEndian: true, out _);

        // The first 80 bits but six: enough that two never meet.
        return string.Create(Length, BinaryPrimitives.ReadUInt128BigEndian(name) >> 48, static (text, value) =>
        {
            for (var i = text.Length - 1; i >= 0; i--)
            {
                text[i] = Digits[(int)(value & 31)];
                value >>= 5;
            }
        });
    }
}
