using System.Buffers;

namespace Mailkey.Smtp;

/// <summary>
/// Makes the octets that follow DATA out of a content: dots stuffed, every line end CRLF, the final dot (RFC 5321 §4.5.2).
/// A stray CR or LF becomes CRLF, so that nobody after us can see an end of data where we saw none. One value for one
/// content; pieces may be cut anywhere.
/// </summary>
public struct DataEncoder
{
    private static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n"u8);

    private bool isInsideLine;
    private bool afterReturn;

    /// <summary>Encodes the next piece.</summary>
    public void Encode(ReadOnlySpan<byte> content, IBufferWriter<byte> output)
    {
        // The line end of a CR was written with it: its LF, when that comes, says nothing new.
        while (!content.IsEmpty)
        {
            if (content[0] == (byte)'\n' && afterReturn)
            {
                afterReturn = false;
                content = content[1..];
                continue;
            }

            afterReturn = false;
            if (!isInsideLine && content[0] == (byte)'.')
            {
                output.Write("."u8);
            }

            var length = TakeLines(content);
            if (length > 0)
            {
                output.Write(content[..length]);
                content = content[length..];
                continue;
            }

            // A CR without LF, an LF without CR, or a CR at the end of the piece.
            output.Write("\r\n"u8);
            afterReturn = content[0] == (byte)'\r';
            isInsideLine = false;
            content = content[1..];
        }
    }

    /// <summary>Ends the content: CRLF when the last line has none, and the dot.</summary>
    public void Complete(IBufferWriter<byte> output)
    {
        output.Write(isInsideLine ? "\r\n.\r\n"u8 : ".\r\n"u8);
        this = default;
    }

    // Octets that can go out as they are: up to a stray line end, or to a dot that begins a line.
    private int TakeLines(ReadOnlySpan<byte> content)
    {
        var taken = 0;
        while (true)
        {
            var end = content[taken..].IndexOfAny(LineEnds);
            if (end < 0)
            {
                isInsideLine |= taken < content.Length;
                return content.Length;
            }

            if (end > 0)
            {
                isInsideLine = true;
            }

            taken += end;
            if (content[taken] == (byte)'\n' || taken + 1 == content.Length || content[taken + 1] != (byte)'\n')
            {
                return taken;
            }

            taken += 2;
            isInsideLine = false;
            if (taken == content.Length || content[taken] == (byte)'.')
            {
                return taken;
            }
        }
    }
}
