using System.Buffers;
using System.Text;

namespace Mailkey.Smtp;

/// <summary>A reply to an SMTP command: code, enhanced code, one or more lines of text (RFC 5321 §4.2, RFC 2034 §4).</summary>
/// <param name="Code">200 to 599.</param>
/// <param name="EnhancedCode">Null where RFC 2034 has none: greeting, EHLO, 3yz.</param>
/// <param name="Lines">At least one line, without CR, LF or the codes.</param>
public sealed record SmtpReply(int Code, EnhancedStatusCode? EnhancedCode, IReadOnlyList<string> Lines)
{
    /// <summary>Octets of a reply line with its CRLF (RFC 5321 §4.5.3.1.5); longer text is broken into several lines.</summary>
    public const int MaxLineLength = 512;

    private byte[]? octets;

    public SmtpReply(int code, EnhancedStatusCode? enhancedCode, string text)
        : this(code, enhancedCode, [text])
    {
    }

    // The octets belong to the original: a copy may differ.
    private SmtpReply(SmtpReply original)
    {
        Code = original.Code;
        EnhancedCode = original.EnhancedCode;
        Lines = original.Lines;
    }

    /// <summary>2yz or 3yz.</summary>
    public bool IsPositive => Code < 400;

    /// <summary>4yz.</summary>
    public bool IsTransient => Code is >= 400 and < 500;

    /// <summary>5yz.</summary>
    public bool IsPermanent => Code >= 500;

    /// <summary>The reply as it goes over the wire, all lines, with the CRLF of the last one. Made once.</summary>
    public ReadOnlySpan<byte> Octets => octets ??= Encode("");

    /// <summary>Writes all lines of the reply in one piece, so that it leaves in one packet.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="suffix">What the last line gets at its end, such as the queue id; empty for nothing.</param>
    public void WriteTo(IBufferWriter<byte> output, ReadOnlySpan<char> suffix = default)
    {
        if (suffix.IsEmpty)
        {
            output.Write(Octets);
            return;
        }

        var head = Octets[..^2];
        if (head.Length - head.LastIndexOf((byte)'\n') + suffix.Length + 2 > MaxLineLength)
        {
            output.Write(Encode(suffix));
            return;
        }

        var span = output.GetSpan(head.Length + suffix.Length + 2);
        head.CopyTo(span);
        var length = head.Length;
        foreach (var character in suffix)
        {
            span[length++] = Printable(character);
        }

        span[length++] = (byte)'\r';
        span[length++] = (byte)'\n';
        output.Advance(length);
    }

    public bool Equals(SmtpReply? other) =>
        other is not null && Code == other.Code && EnhancedCode == other.EnhancedCode && Lines.SequenceEqual(other.Lines, StringComparer.Ordinal);

    public override int GetHashCode() => HashCode.Combine(Code, EnhancedCode, Lines.Count, Lines[0]);

    /// <summary>For logs and reports: <c>550 5.1.1 No such user / second line</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().Append(Code);
        if (EnhancedCode is { } code)
        {
            text.Append(' ').Append(code.ToString());
        }

        return text.Append(' ').AppendJoin(" / ", Lines).ToString();
    }

    // Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF       (RFC 5321 §4.2)
    // RFC 2034 §4: each line's text begins with the enhanced code.
    private byte[] Encode(ReadOnlySpan<char> suffix)
    {
        var code = Code.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var enhanced = EnhancedCode is { } status ? $"{status} " : "";
        var room = MaxLineLength - 2 - 4 - enhanced.Length;
        var output = new List<byte>(64);
        for (var i = 0; i < Lines.Count; i++)
        {
            var isLast = i == Lines.Count - 1;
            ReadOnlySpan<char> rest = isLast ? string.Concat(Lines[i], suffix) : Lines[i];
            do
            {
                var taken = rest.Length;
                if (taken > room)
                {
                    var space = rest[..room].LastIndexOf(' ');
                    taken = space > 0 ? space + 1 : room;
                }

                Append(output, code);
                output.Add(isLast && taken == rest.Length ? (byte)' ' : (byte)'-');
                Append(output, enhanced);
                Append(output, rest[..taken]);
                output.Add((byte)'\r');
                output.Add((byte)'\n');
                rest = rest[taken..];
            }
            while (!rest.IsEmpty);
        }

        return [.. output];
    }

    private static void Append(List<byte> output, ReadOnlySpan<char> text)
    {
        foreach (var character in text)
        {
            output.Add(Printable(character));
        }
    }

    // textstring = 1*(%d09 / %d32-126): whatever a peer's text brought along, a reply never has a line end or an escape inside.
    private static byte Printable(char character) => character is >= ' ' and <= '~' or '\t' ? (byte)character : (byte)'?';
}
