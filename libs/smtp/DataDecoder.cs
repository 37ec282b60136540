using System.Buffers;

namespace Mailkey.Smtp;

/// <summary>What to do with a CR without LF, or an LF without CR, in a content (RFC 5321 §2.3.8 forbids both).</summary>
public enum BareLineEnds
{
    /// <summary>The content is faulty; nothing of it is passed on.</summary>
    Reject,

    /// <summary>Each becomes CRLF.</summary>
    Normalize,
}

/// <summary>Why a content can't be taken.</summary>
public enum ContentFault
{
    None,

    /// <summary>A CR that no LF follows (RFC 5321 §2.3.8).</summary>
    BareReturn,

    /// <summary>An LF that no CR precedes (RFC 5321 §2.3.8).</summary>
    BareLineFeed,

    /// <summary>A NUL: neither 7bit nor 8bit data has one (RFC 2045 §2.7, §2.8), and hosts that drop it see another end of data.</summary>
    Nul,
}

/// <summary>A piece of decoded content: a part of the input, or a line end that the input had in two parts or not at all.</summary>
public readonly record struct ContentPiece(int Offset, int Length)
{
    public static ContentPiece LineEnd { get; } = new(-1, 2);

    public bool IsLineEnd => Offset < 0;
}

/// <summary>
/// Takes a content out of what follows DATA or BDAT, without copying: gives the parts of each input that are content.
/// Only CRLF.CRLF ends the data (RFC 5321 §4.1.1.4); no other sequence does, however many hosts before us think so.
/// One value for one content; the input may be cut anywhere.
/// </summary>
public struct DataDecoder
{
    private static readonly SearchValues<byte> Special = SearchValues.Create("\r\n\0"u8);

    private readonly bool isStuffed;
    private readonly bool isNormalizing;
    private State state;
    private bool isInsideLine;

    private DataDecoder(bool isStuffed, BareLineEnds bareLineEnds)
    {
        this.isStuffed = isStuffed;
        isNormalizing = bareLineEnds == BareLineEnds.Normalize;
    }

    // What came last. The CRLF of the DATA command counts as the one before the first line.
    private enum State : byte
    {
        LineStart,
        InLine,
        Return,
        Dot,
        DotReturn,
        End,
    }

    /// <summary>Whether the end of the data was seen; what follows in the input are commands.</summary>
    public readonly bool IsComplete => state == State.End;

    /// <summary>The first fault. Nothing more is given out, but the end of the data is still looked for.</summary>
    public ContentFault Fault { get; private set; }

    /// <summary>For the lines after DATA: dots are taken away, CRLF.CRLF ends it.</summary>
    public static DataDecoder ForData(BareLineEnds bareLineEnds) => new(isStuffed: true, bareLineEnds);

    /// <summary>For the chunks of BDAT: their octets are counted, so no dot means anything (RFC 3030 §2).</summary>
    public static DataDecoder ForChunks(BareLineEnds bareLineEnds) => new(isStuffed: false, bareLineEnds);

    /// <summary>Gives the next piece of content in the input.</summary>
    /// <param name="input">Octets as received.</param>
    /// <param name="position">Begins at 0; moves on to the first octet not used.</param>
    /// <param name="piece">The piece.</param>
    /// <returns>False when the input is used up or the data has ended.</returns>
    public bool TryRead(ReadOnlySpan<byte> input, ref int position, out ContentPiece piece)
    {
        while (position < input.Length && state != State.End)
        {
            switch (state)
            {
                case State.LineStart when isStuffed && input[position] == (byte)'.':
                    state = State.Dot;
                    position++;
                    break;

                case State.Dot when input[position] == (byte)'\r':
                    state = State.DotReturn;
                    position++;
                    break;

                case State.Dot:
                    // RFC 5321 §4.5.2: the first dot of a line that has more is deleted.
                    state = State.InLine;
                    break;

                case State.DotReturn when input[position] == (byte)'\n':
                    state = State.End;
                    position++;
                    break;

                case State.Return when input[position] == (byte)'\n':
                    state = State.LineStart;
                    position++;
                    if (Give(ContentPiece.LineEnd, out piece))
                    {
                        return true;
                    }

                    break;

                case State.Return or State.DotReturn:
                    if (GiveBareLineEnd(ContentFault.BareReturn, out piece))
                    {
                        return true;
                    }

                    break;

                default:
                    if (TryReadLines(input, ref position, out piece))
                    {
                        return true;
                    }

                    break;
            }
        }

        piece = default;
        return false;
    }

    /// <summary>Ends a content that came in chunks.</summary>
    /// <returns>True when a line end is missing at the end of the content, which the caller adds (RFC 5321 §4.1.1.4 for what DATA does).</returns>
    public bool CompleteChunks()
    {
        var hasReturn = state == State.Return;
        state = State.End;
        if (hasReturn && !isNormalizing)
        {
            Fault = Fault == ContentFault.None ? ContentFault.BareReturn : Fault;
        }

        return Fault == ContentFault.None && (hasReturn || isInsideLine);
    }

    // Whole lines are one piece; it ends before a dot that begins a line, a stray line end, or the end of the input.
    private bool TryReadLines(ReadOnlySpan<byte> input, ref int position, out ContentPiece piece)
    {
        var start = position;
        while (true)
        {
            var length = input[position..].IndexOfAny(Special);
            if (length != 0)
            {
                state = State.InLine;
            }

            if (length < 0)
            {
                position = input.Length;
                return Give(new(start, position - start), out piece);
            }

            position += length;
            if (input[position] == (byte)'\r')
            {
                if (position + 1 == input.Length)
                {
                    state = State.Return;
                    return Give(new(start, position++ - start), out piece);
                }

                if (input[position + 1] == (byte)'\n')
                {
                    position += 2;
                    state = State.LineStart;
                    if (position < input.Length && (input[position] != (byte)'.' || !isStuffed))
                    {
                        continue;
                    }

                    return Give(new(start, position - start), out piece);
                }
            }

            // A stray octet: what is before it goes first, and the next round finds it alone.
            if (position > start)
            {
                return Give(new(start, position - start), out piece);
            }

            var octet = input[position++];
            if (octet != 0)
            {
                return GiveBareLineEnd(octet == (byte)'\r' ? ContentFault.BareReturn : ContentFault.BareLineFeed, out piece);
            }

            state = State.InLine;
            Fault = Fault == ContentFault.None ? ContentFault.Nul : Fault;
            piece = default;
            return false;
        }
    }

    // What follows a stray line end is in the middle of a line: its dot was never stuffed and is no end of data.
    private bool GiveBareLineEnd(ContentFault fault, out ContentPiece piece)
    {
        state = State.InLine;
        if (!isNormalizing)
        {
            Fault = Fault == ContentFault.None ? fault : Fault;
        }

        return Give(ContentPiece.LineEnd, out piece);
    }

    private bool Give(ContentPiece given, out ContentPiece piece)
    {
        piece = given;
        if (Fault != ContentFault.None || given.Length == 0)
        {
            return false;
        }

        isInsideLine = !given.IsLineEnd && state != State.LineStart;
        return true;
    }
}
