using System.Buffers;
using System.Text;
using Mailkey.Mime.Reports;

namespace Mailkey.Mime.Tests.Reports;

internal static class Sample
{
    public static readonly DateTimeOffset Noon = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    public static DeliveryStatusNotification Failure { get; } = new()
    {
        From = "postmaster@mx.example.net",
        To = "alice@example.com",
        Subject = "Undelivered mail",
        Date = Noon,
        MessageId = "<r1@mx.example.net>",
        OriginalMessageId = "<m1@example.com>",
        Text = ["Your message did not reach:", "", "  bob@example.net", "    550 5.1.1 no such user"],
        ReportingMta = "mx.example.net",
        Arrival = Noon.AddMinutes(-5),
        EnvelopeId = "QQ314159+2B1",
        Recipients =
        [
            new()
            {
                FinalRecipient = "bob@example.net",
                OriginalRecipient = "rfc822;Bob+2BLists@example.net",
                Action = DeliveryAction.Failed,
                Status = "5.1.1",
                RemoteMta = "store.example.net",
                SmtpDiagnostic = "550 5.1.1 <bob@example.net>: no such user",
                LastAttempt = Noon,
            },
        ],
        HeaderBlock = Encoding.ASCII.GetBytes("From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: lunch\r\nMessage-ID: <m1@example.com>\r\n"),
    };

    public static byte[] Write(DeliveryStatusNotification notification)
    {
        var output = new ArrayBufferWriter<byte>();
        DeliveryStatusWriter.Write(notification, output);
        return output.WrittenSpan.ToArray();
    }
}
