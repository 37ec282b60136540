using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;

namespace Mailkey.Mime.Reports;

/// <summary>
/// Writes a delivery status notification: multipart/report (RFC 6522) of a text for people, the fields of RFC 3464, and
/// the header block of the message. With SMTPUTF8 the two last parts are those of RFC 6533.
/// </summary>
public static class DeliveryStatusWriter
{
    /// <summary>RFC 5322 §2.1.1: a line must not be longer, CRLF not counted.</summary>
    public const int MaxLine = 998;

    /// <summary>RFC 5322 §2.1.1: a line should not be longer.</summary>
    public const int PreferredLine = 78;

    /// <summary>
    /// Octets of the returned header block. Enough for every field a sender needs to find the message again, and too few
    /// to carry somebody's advertisement to a forged address.
    /// </summary>
    public const int MaxHeaderBlock = 16 * 1024;

    /// <summary>
    /// Octets of one remote reply: 10 lines of RFC 5321 §4.5.3.1.5's 512 are more than anybody explains a refusal with.
    /// </summary>
    public const int MaxDiagnostic = 5120;

    /// <summary>Octets of an address: RFC 5321 §4.5.3.1.3 says 256; ORCPT may have 500 (RFC 3461 §5.4).</summary>
    public const int MaxAddress = 500;

    // Octets of a word that is written in one piece: with a field name in front of it the line is still below MaxLine.
    private const int MaxWord = 900;

    private const string Cut = "[...]";

    public static void Write(DeliveryStatusNotification notification, IBufferWriter<byte> output)
    {
        var text = TextPart(notification);
        var status = StatusPart(notification);
        var header = HeaderPart(notification);
        var boundary = Boundary(notification.MessageId, text, status, header);

        var top = new FieldWriter(output, notification.SmtpUtf8);
        top.Field("From", $"Mail Delivery System <{Address(notification.From)}>");
        top.Field("To", $"<{Address(notification.To)}>");
        top.Field("Subject", notification.Subject);
        top.Field("Date", Date(notification.Date));
        top.Field("Message-ID", notification.MessageId);
        if (notification.OriginalMessageId is { } original && IsMessageId(original, notification.SmtpUtf8))
        {
            top.Field("In-Reply-To", original);
            top.Field("References", original);
        }

        // RFC 3834 §5: so that no responder answers a notification.
        top.Field("Auto-Submitted", "auto-replied");
        top.Field("MIME-Version", "1.0");

        // RFC 6522 §3: both parameters are required; the boundary needs its quotes.
        output.Write("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\""u8);
        output.Write(boundary);
        output.Write("\"\r\n\r\n"u8);
        foreach (var part in new[] { text, status, header })
        {
            output.Write("--"u8);
            output.Write(boundary);
            output.Write("\r\n"u8);
            output.Write(part.WrittenSpan);
            output.Write("\r\n"u8);
        }

        output.Write("--"u8);
        output.Write(boundary);
        output.Write("--\r\n"u8);
    }

    /// <summary>Whether a value is one msg-id (RFC 5322 §3.6.4) that fits in a line with its field name.</summary>
    public static bool IsMessageId(ReadOnlySpan<char> value, bool utf8 = false)
    {
        if (value.Length is < 5 or > MaxWord || value[0] != '<' || value[^1] != '>')
        {
            return false;
        }

        var inner = value[1..^1];
        foreach (var c in inner)
        {
            if (c is <= ' ' or '<' or '>' or '\x7f' || (c > '\x7f' && (!utf8 || char.IsControl(c) || char.IsSurrogate(c))))
            {
                return false;
            }
        }

        var at = inner.LastIndexOf('@');
        return at > 0 && at < inner.Length - 1 && Encoding.UTF8.GetByteCount(value) <= MaxWord;
    }

    private static ArrayBufferWriter<byte> TextPart(DeliveryStatusNotification notification)
    {
        var lines = new StringBuilder();
        foreach (var line in notification.Text)
        {
            Wrap(lines, line);
        }

        var octets = Encoding.UTF8.GetBytes(lines.ToString());
        var part = new ArrayBufferWriter<byte>(octets.Length + 128);
        if (Ascii.IsValid(octets))
        {
            part.Write("Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"u8);
            part.Write(octets);
        }
        else if (notification.SmtpUtf8)
        {
            part.Write("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"u8);
            part.Write(octets);
        }
        else
        {
            part.Write("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"u8);
            QuotedPrintable.Encode(octets, part);
        }

        return part;
    }

    private static ArrayBufferWriter<byte> StatusPart(DeliveryStatusNotification notification)
    {
        var utf8 = notification.SmtpUtf8;
        var part = new ArrayBufferWriter<byte>(1024);
        part.Write(utf8
            ? "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"u8
            : "Content-Type: message/delivery-status\r\n\r\n"u8);

        var fields = new FieldWriter(part, utf8);
        if (notification.EnvelopeId is { } envelopeId && Xtext.TryDecode(envelopeId, out var decodedId))
        {
            fields.Field("Original-Envelope-Id", Limit(decodedId, MaxAddress));
        }

        fields.Field("Reporting-MTA", $"dns; {HostName(notification.ReportingMta)}");
        if (notification.Arrival is { } arrival)
        {
            fields.Field("Arrival-Date", Date(arrival));
        }

        foreach (var recipient in notification.Recipients)
        {
            part.Write("\r\n"u8);
            if (recipient.OriginalRecipient is { } original && OriginalRecipient(original, utf8) is { } value)
            {
                fields.Field("Original-Recipient", value);
            }

            fields.Field("Final-Recipient", TypedAddress(recipient.FinalRecipient, utf8));
            fields.Field("Action", recipient.Action switch
            {
                DeliveryAction.Failed => "failed",
                DeliveryAction.Delayed => "delayed",
                DeliveryAction.Delivered => "delivered",
                _ => "relayed",
            });
            fields.Field("Status", recipient.Status);
            if (recipient.RemoteMta is { } remote)
            {
                fields.Field("Remote-MTA", $"dns; {HostName(remote)}");
            }

            if (recipient.SmtpDiagnostic is { } diagnostic)
            {
                fields.Field("Diagnostic-Code", $"smtp; {Limit(diagnostic, MaxDiagnostic)}");
            }

            if (recipient.LastAttempt is { } lastAttempt)
            {
                fields.Field("Last-Attempt-Date", Date(lastAttempt));
            }

            // RFC 3464 §2.3.9: only where delivery goes on.
            if (recipient.WillRetryUntil is { } until && recipient.Action == DeliveryAction.Delayed)
            {
                fields.Field("Will-Retry-Until", Date(until));
            }
        }

        return part;
    }

    private static ArrayBufferWriter<byte> HeaderPart(DeliveryStatusNotification notification)
    {
        var header = ReturnedFields(notification.HeaderBlock.Span);
        var part = new ArrayBufferWriter<byte>(header.Length + 128);
        var utf8 = notification.SmtpUtf8;
        part.Write(utf8 ? "Content-Type: message/global-headers\r\n"u8 : "Content-Type: text/rfc822-headers\r\n"u8);
        switch (Carriage(header))
        {
            case Content.SevenBit:
                part.Write("Content-Transfer-Encoding: 7bit\r\n\r\n"u8);
                part.Write(header);
                break;
            case Content.Utf8 when utf8:
                part.Write("Content-Transfer-Encoding: 8bit\r\n\r\n"u8);
                part.Write(header);
                break;
            default:
                // RFC 6522 §4: a header block that is broken or not ASCII may be quoted-printable. Nothing of it is lost,
                // and none of its control characters reaches a terminal raw.
                part.Write("Content-Transfer-Encoding: quoted-printable\r\n\r\n"u8);
                QuotedPrintable.Encode(header, part);
                break;
        }

        return part;
    }

    private enum Content
    {
        SevenBit,
        Utf8,
        Binary,
    }

    private static Content Carriage(ReadOnlySpan<byte> header)
    {
        var content = Content.SevenBit;
        var line = 0;
        for (var i = 0; i < header.Length; i++)
        {
            var octet = header[i];
            if (octet == '\r' && i + 1 < header.Length && header[i + 1] == '\n')
            {
                line = 0;
                i++;
                continue;
            }

            if ((octet < ' ' && octet != '\t') || octet == 0x7f || ++line > MaxLine)
            {
                return Content.Binary;
            }

            if (octet > 0x7f)
            {
                content = Content.Utf8;
            }
        }

        if (content == Content.SevenBit)
        {
            return content;
        }

        // C1 controls are valid UTF-8 and still move a terminal's cursor.
        for (var i = 0; i + 1 < header.Length; i++)
        {
            if (header[i] == 0xc2 && header[i + 1] is >= 0x80 and < 0xa0)
            {
                return Content.Binary;
            }
        }

        return Utf8.IsValid(header) ? Content.Utf8 : Content.Binary;
    }

    /// <summary>The fields that fit, in order; a field too large for the rest of the space is left out whole. Ends in CRLF.</summary>
    private static byte[] ReturnedFields(ReadOnlySpan<byte> block)
    {
        var kept = new ArrayBufferWriter<byte>(Math.Min(block.Length + 2, MaxHeaderBlock));
        while (!block.IsEmpty)
        {
            var end = FieldEnd(block);
            var field = block[..end];
            block = block[end..];

            // An empty line ends the header block: the body of a message is nobody's business here.
            if (field is [(byte)'\n', ..] or [(byte)'\r', (byte)'\n', ..])
            {
                break;
            }

            var missing = field.EndsWith("\r\n"u8) ? 0 : 2;
            if (kept.WrittenCount + field.Length + missing > MaxHeaderBlock)
            {
                continue;
            }

            kept.Write(field.EndsWith("\n"u8) && missing != 0 ? field[..^1] : field);
            if (missing != 0)
            {
                kept.Write("\r\n"u8);
            }
        }

        return kept.WrittenSpan.ToArray();
    }

    /// <summary>Length of the first field with its line end: the first LF that no white space follows.</summary>
    private static int FieldEnd(ReadOnlySpan<byte> block)
    {
        var end = 0;
        while (true)
        {
            var lineFeed = block[end..].IndexOf((byte)'\n');
            if (lineFeed < 0)
            {
                return block.Length;
            }

            end += lineFeed + 1;
            if (end == block.Length || block[end] is not ((byte)' ' or (byte)'\t'))
            {
                return end;
            }
        }
    }

    /// <summary>A delimiter that no part holds (RFC 2046 §5.1.1). "=_" can't occur in quoted-printable.</summary>
    private static byte[] Boundary(string seed, params ReadOnlySpan<ArrayBufferWriter<byte>> parts)
    {
        for (var attempt = 0; ; attempt++)
        {
            var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{attempt}:{seed}")));
            var boundary = Encoding.ASCII.GetBytes($"=_{Convert.ToHexStringLower(hash.AsSpan(0, 16))}");
            var free = true;
            foreach (var part in parts)
            {
                free &= part.WrittenSpan.IndexOf(boundary) < 0;
            }

            if (free)
            {
                return boundary;
            }
        }
    }

    private static string? OriginalRecipient(string parameter, bool utf8)
    {
        var separator = parameter.IndexOf(';', StringComparison.Ordinal);
        if (separator <= 0)
        {
            return null;
        }

        var type = parameter.AsSpan(0, separator);
        foreach (var c in type)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-')
            {
                return null;
            }
        }

        var address = parameter.AsSpan(separator + 1);
        if (type.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
        {
            return Xtext.TryDecodeUnicode(address, out var unicode) && unicode.Length > 0 ? TypedAddress(unicode, utf8, "utf-8") : null;
        }

        return Xtext.TryDecode(address, out var decoded) && decoded.Length > 0 ? TypedAddress(decoded, utf8, type.ToString()) : null;
    }

    /// <summary>An address with its type: rfc822, or utf-8 where ASCII is not enough (RFC 6533 §3).</summary>
    private static string TypedAddress(string address, bool utf8, string type = "rfc822")
    {
        address = Address(address);
        var international = type.Equals("utf-8", StringComparison.OrdinalIgnoreCase)
            || (type.Equals("rfc822", StringComparison.OrdinalIgnoreCase) && !Ascii.IsValid(address));
        return international
            ? $"utf-8; {Limit(utf8 ? address : Xtext.EncodeUnicode(address), MaxAddress)}"
            : $"{type}; {address}";
    }

    /// <summary>An address as one that can't leave its brackets: control characters and lone brackets replaced.</summary>
    internal static string Address(string address) =>
        Limit(string.Create(address.Length, address, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) || source[i] is '<' or '>' ? '?' : source[i];
            }
        }), MaxAddress);

    private static string HostName(string host)
    {
        host = Limit(host, 255);
        return string.Create(host.Length, host, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsAsciiLetterOrDigit(source[i]) || source[i] is '.' or '-' or '_' or ':' or '[' or ']' ? source[i] : '?';
            }
        });
    }

    /// <summary>RFC 5322 §3.3, in UTC.</summary>
    internal static string Date(DateTimeOffset date) =>
        date.ToUniversalTime().ToString("ddd, d MMM yyyy HH:mm:ss '+0000'", CultureInfo.InvariantCulture);

    /// <summary>At most so many octets of UTF-8, cut between characters.</summary>
    private static string Limit(string text, int octets)
    {
        if (text.Length * 3 <= octets || Encoding.UTF8.GetByteCount(text) <= octets)
        {
            return text;
        }

        var kept = new StringBuilder();
        var length = Cut.Length;
        foreach (var rune in text.EnumerateRunes())
        {
            length += rune.Utf8SequenceLength;
            if (length > octets)
            {
                break;
            }

            kept.Append(rune.ToString());
        }

        return kept.Append(Cut).ToString();
    }

    /// <summary>
    /// One character of untrusted text as it may be shown: line ends and tabs as a space, what moves a cursor or turns
    /// the direction of writing as a question mark.
    /// </summary>
    private static Rune Harmless(Rune rune, bool utf8) => rune.Value switch
    {
        '\r' or '\n' or '\t' => new Rune(' '),
        < ' ' or (>= 0x7f and < 0xa0) => new Rune('?'),
        0x2028 or 0x2029 or (>= 0x202a and <= 0x202e) or (>= 0x2066 and <= 0x2069) or 0x200e or 0x200f => new Rune('?'),
        > 0x7f when !utf8 => new Rune('?'),
        _ => rune,
    };

    internal static void Wrap(StringBuilder lines, string line)
    {
        var harmless = new StringBuilder(line.Length);
        foreach (var rune in line.EnumerateRunes())
        {
            harmless.Append(Harmless(rune, utf8: true).ToString());
        }

        var text = harmless.ToString();
        var preferred = text.StartsWith("  ", StringComparison.Ordinal) ? MaxWord : PreferredLine;
        var column = 0;
        foreach (var range in text.AsSpan().TrimEnd(' ').Split(' '))
        {
            var word = text.AsSpan(range);
            var width = Encoding.UTF8.GetByteCount(word);
            if (column > 0)
            {
                if (column + 1 + width > preferred)
                {
                    lines.Append("\r\n");
                    column = 0;
                }
                else
                {
                    lines.Append(' ');
                    column++;
                }
            }
            else if (range.Start.Value > 0)
            {
                // The line begins with spaces.
                lines.Append(' ');
                column++;
            }

            foreach (var rune in word.EnumerateRunes())
            {
                if (column + rune.Utf8SequenceLength > MaxWord)
                {
                    lines.Append("\r\n");
                    column = 0;
                }

                lines.Append(rune.ToString());
                column += rune.Utf8SequenceLength;
            }
        }

        lines.Append("\r\n");
    }

    /// <summary>Writes header fields: harmless characters only, folded at white space (RFC 5322 §2.2.3).</summary>
    internal readonly ref struct FieldWriter(IBufferWriter<byte> output, bool utf8)
    {
        public void Field(string name, string value)
        {
            var line = new StringBuilder(name).Append(':');
            var column = name.Length + 1;
            var first = true;
            var harmless = new StringBuilder(value.Length);
            foreach (var rune in value.EnumerateRunes())
            {
                harmless.Append(Harmless(rune, utf8).ToString());
            }

            var text = harmless.ToString();
            foreach (var range in text.AsSpan().Split(' '))
            {
                var word = text.AsSpan(range);
                if (word.IsEmpty)
                {
                    continue;
                }

                // The first word stays with the name: some readers take a name without a value for an empty field.
                if (!first && column + 1 + Encoding.UTF8.GetByteCount(word) > PreferredLine)
                {
                    line.Append("\r\n");
                    column = 0;
                }

                first = false;
                line.Append(' ');
                column++;
                foreach (var rune in word.EnumerateRunes())
                {
                    if (column + rune.Utf8SequenceLength > MaxLine)
                    {
                        line.Append("\r\n ");
                        column = 1;
                    }

                    line.Append(rune.ToString());
                    column += rune.Utf8SequenceLength;
                }
            }

            line.Append("\r\n");
            output.Write(Encoding.UTF8.GetBytes(line.ToString()));
        }
    }
}
