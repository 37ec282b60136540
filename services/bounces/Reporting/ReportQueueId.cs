using Mailkey.Messaging.Sagas;

namespace Mailkey.Bounces.Reporting;

/// <summary>
/// The queue id of a notification: looks like every other one, and follows from the order. So whatever is done twice is done
/// to the same message.
/// </summary>
public static class ReportQueueId
{
    private const string Digits = "0123456789ABCDFGHJKLMNPQRSTVWXYZ";
    private const int Length = 16;

    public static string Of(Guid orderId)
    {
        Span<byte> name = stackalloc byte[16];
        NameBasedId.Create("delivery-report", orderId.ToString("N")).TryWriteBytes(name, bigEndian: true, out _);

        // The first 80 bits but six: enough that two never meet.
        return string.Create(Length, System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(name) >> 48, static (text, value) =>
        {
            for (var i = text.Length - 1; i >= 0; i--)
            {
                text[i] = Digits[(int)(value & 31)];
                value >>= 5;
            }
        });
    }
}
