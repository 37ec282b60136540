using System.Buffers;
using System.Text;

namespace Mailkey.Mime.Reports;

/// <summary>
/// Writes a <see cref="Notice"/>. Whatever it says, it stays one message with one header block: line ends and controls in fields become
/// harmless, and the body's octets are quoted-printable where they are not plain ASCII.
/// </summary>
public static class NoticeWriter
{
    public static void Write(Notice notice, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(notice);
        var top = new DeliveryStatusWriter.FieldWriter(output, notice.SmtpUtf8);
        top.Field("From", $"{Quoted(notice.FromName)} <{DeliveryStatusWriter.Address(notice.From)}>");
        top.Field("To", $"<{DeliveryStatusWriter.Address(notice.To)}>");

        var ascii = new DeliveryStatusWriter.FieldWriter(output, utf8: false);
        ascii.Field("Subject", notice.Subject);
        ascii.Field("Date", DeliveryStatusWriter.Date(notice.Date));
        ascii.Field("Message-ID", notice.MessageId);

        // RFC 3834 §5: made by a program, and no answer to anything; responders keep quiet.
        ascii.Field("Auto-Submitted", "auto-generated");
        ascii.Field("MIME-Version", "1.0");

        var lines = new StringBuilder();
        foreach (var line in notice.Text)
        {
            DeliveryStatusWriter.Wrap(lines, line);
        }

        var octets = Encoding.UTF8.GetBytes(lines.ToString());
        if (Ascii.IsValid(octets))
        {
            output.Write("Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"u8);
            output.Write(octets);
            return;
        }

        output.Write("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"u8);
        QuotedPrintable.Encode(octets, output);
    }

    // RFC 5322 §3.2.4: quotes and backslashes would end the name early.
    private static string Quoted(string name) =>
        $"\"{new string([.. name.Select(c => char.IsControl(c) || c is '"' or '\\' || c > '~' ? '?' : c)])}\"";
}
