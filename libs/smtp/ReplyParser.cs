using System.Buffers;
using System.Text;

namespace Mailkey.Smtp;

/// <summary>
/// Reads the replies of an SMTP or LMTP server as they arrive (RFC 5321 §4.2). Keeps the lines of an unfinished reply
/// from call to call, so that each octet is looked at once. For one connection; not thread-safe.
/// </summary>
public sealed class ReplyParser
{
    /// <summary>Octets of one line. RFC 5321 §4.5.3.1.5 has 512; some servers quote a whole policy.</summary>
    public const int MaxLineLength = 4096;

    /// <summary>Lines of one reply: far more than EHLO of any server has.</summary>
    public const int MaxLines = 256;

    private readonly List<string> lines = [];
    private int code;
    private EnhancedStatusCode? enhancedCode;

    /// <summary>Takes whole lines off the front of the buffer until a reply is complete.</summary>
    /// <param name="buffer">Unread input; on return it begins behind what was used.</param>
    /// <param name="reply">The reply when the status is <see cref="OperationStatus.Done"/>.</param>
    /// <returns><see cref="OperationStatus.Done"/>, <see cref="OperationStatus.NeedMoreData"/>, or
    /// <see cref="OperationStatus.InvalidData"/>: the peer does not speak SMTP, and the connection is of no more use.</returns>
    public OperationStatus TryParse(ref ReadOnlySequence<byte> buffer, out SmtpReply? reply)
    {
        reply = null;
        while (true)
        {
            if (buffer.PositionOf((byte)'\n') is not { } end)
            {
                return buffer.Length > MaxLineLength ? OperationStatus.InvalidData : OperationStatus.NeedMoreData;
            }

            var sequence = buffer.Slice(0, end);
            buffer = buffer.Slice(buffer.GetPosition(1, end));
            if (sequence.Length > MaxLineLength || lines.Count == MaxLines)
            {
                return OperationStatus.InvalidData;
            }

            var line = sequence.IsSingleSegment ? sequence.FirstSpan : sequence.ToArray();
            if (line is [.. var withoutReturn, (byte)'\r'])
            {
                line = withoutReturn;
            }

            if (!TryTakeLine(line, out var isLast))
            {
                return OperationStatus.InvalidData;
            }

            if (isLast)
            {
                reply = new SmtpReply(code, enhancedCode, lines.ToArray());
                lines.Clear();
                return OperationStatus.Done;
            }
        }
    }

    private bool TryTakeLine(ReadOnlySpan<byte> line, out bool isLast)
    {
        isLast = false;

        // Reply-code = %x32-35 %x30-35 %x30-39
        if (line.Length < 3 || line[0] is < (byte)'2' or > (byte)'5' || !char.IsAsciiDigit((char)line[1]) || !char.IsAsciiDigit((char)line[2]))
        {
            return false;
        }

        var number = ((line[0] - '0') * 100) + ((line[1] - '0') * 10) + (line[2] - '0');
        if (lines.Count > 0 && number != code)
        {
            return false;
        }

        isLast = line.Length == 3 || line[3] == (byte)' ';
        if (!isLast && line[3] != (byte)'-')
        {
            return false;
        }

        var text = line.Length > 4 ? Text(line[4..]) : "";
        if (EnhancedStatusCode.TryParse(text, out var status, out var length) && status.Class == number / 100
            && (length == text.Length || text[length] == ' ') && (lines.Count == 0 || status == enhancedCode))
        {
            enhancedCode = status;
            text = length == text.Length ? "" : text[(length + 1)..];
        }
        else if (lines.Count == 0)
        {
            enhancedCode = null;
        }

        code = number;
        lines.Add(text);
        return true;
    }

    // The text is the peer's: it reaches logs and reports, so controls are taken out here, where it enters.
    private static string Text(ReadOnlySpan<byte> octets)
    {
        var text = Encoding.UTF8.GetString(octets);
        return text.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? string.Create(text.Length, text, static (span, source) =>
            {
                for (var i = 0; i < span.Length; i++)
                {
                    span[i] = char.IsControl(source[i]) ? (source[i] == '\t' ? ' ' : '?') : source[i];
                }
            })
            : text;
    }
}
