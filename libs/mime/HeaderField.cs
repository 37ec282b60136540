using System.Diagnostics;
using System.Text;

namespace Mailkey.Mime;

/// <summary>One field of a header block, as it came (RFC 5322 §2.2).</summary>
[DebuggerDisplay("{DebuggerDisplay,nq}")]
public readonly struct HeaderField
{
    private readonly int nameLength;

    internal HeaderField(ReadOnlyMemory<byte> octets, int nameLength)
    {
        Octets = octets;
        this.nameLength = nameLength;
    }

    /// <summary>The whole field: name, colon, value with its folding, and the CRLF that ends it (which the last field of a block may lack).</summary>
    public ReadOnlyMemory<byte> Octets { get; }

    /// <summary>The field name in the case it came in.</summary>
    public ReadOnlySpan<byte> Name => Octets.Span[..nameLength];

    /// <summary>What follows the colon, folding included, without the CRLF that ends the field.</summary>
    public ReadOnlySpan<byte> Value => ValueMemory.Span;

    /// <inheritdoc cref="Value"/>
    public ReadOnlyMemory<byte> ValueMemory
    {
        get
        {
            var value = Octets[(nameLength + 1)..];
            return value.Span.EndsWith("\r\n"u8) ? value[..^2] : value;
        }
    }

    /// <summary>Field names compare without regard to case (RFC 5322 §1.2.2, §3.6).</summary>
    public bool HasName(ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(Name, name);

    /// <summary>The value on one line (RFC 5322 §2.2.3), without white space at its ends; UTF-8, octets that are not become U+FFFD.</summary>
    public string UnfoldedValue()
    {
        var value = Value;
        if (value.IndexOfAny((byte)'\r', (byte)'\n') < 0)
        {
            return Encoding.UTF8.GetString(value.Trim(" \t"u8));
        }

        var line = new byte[value.Length];
        var length = 0;
        foreach (var octet in value)
        {
            if (octet is not ((byte)'\r' or (byte)'\n'))
            {
                line[length++] = octet;
            }
        }

        return Encoding.UTF8.GetString(line.AsSpan(0, length).Trim(" \t"u8));
    }

    private string DebuggerDisplay => Encoding.UTF8.GetString(Octets.Span);
}
