using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Mailkey.HttpSignatures;

/// <summary>What a bare item of a structured field is (RFC 9651 §3.3).</summary>
public enum BareItemKind
{
    Integer,
    Decimal,
    String,
    Token,
    Bytes,
    Boolean,
    Date,
}

/// <summary>A bare item of a structured field.</summary>
/// <param name="Text">As it is written in its one canonical form, with its delimiters.</param>
/// <param name="Value">A number, date or boolean as text, the characters of a string or token, bytes in base64.</param>
public sealed record BareItem(BareItemKind Kind, string Text, string Value);

/// <summary>A parameter, such as <c>;created=1618884473</c>.</summary>
public sealed record Parameter(string Key, BareItem Value);

/// <summary>
/// Reads the part of structured fields (RFC 9651 §4.2) that signatures are made of: dictionaries whose members are inner lists of strings, or
/// byte sequences. Each octet is looked at a fixed number of times; nothing throws; the place of the first mistake is known.
/// </summary>
internal ref struct StructuredReader(ReadOnlySpan<byte> text)
{
    /// <summary>Parameters of one item; a signature has six that mean something.</summary>
    public const int MaxParameters = 16;

    // RFC 9651 §3.3.1 and §3.3.2: digits of an integer, and of the whole part of a decimal.
    private const int MaxIntegerDigits = 15;
    private const int MaxDecimalWholeDigits = 12;
    private const int MaxDecimalFraction = 3;

    private static readonly SearchValues<byte> KeyOctets = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-.*"u8);
    private static readonly SearchValues<byte> TokenOctets =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~:/"u8);

    private readonly ReadOnlySpan<byte> _text = text;

    /// <summary>The next octet to be read.</summary>
    public int Position { get; private set; }

    public readonly bool IsAtEnd => Position >= _text.Length;

    private readonly byte Next => IsAtEnd ? (byte)0 : _text[Position];

    /// <summary>Blanks at the beginning and the end of a field.</summary>
    public void SkipSpaces()
    {
        while (Next == ' ')
        {
            Position++;
        }
    }

    public bool TryTake(byte octet)
    {
        if (IsAtEnd || Next != octet)
        {
            return false;
        }

        Position++;
        return true;
    }

    /// <summary>Goes to the next member of a dictionary.</summary>
    /// <returns>False at a mistake, or at the end: <paramref name="isEnd"/> says which.</returns>
    public bool TryNextMember(out bool isEnd)
    {
        SkipOptionalWhiteSpace();
        isEnd = IsAtEnd;
        if (isEnd || !TryTake((byte)','))
        {
            return false;
        }

        // RFC 9651 §4.2.2: a comma at the end is a mistake.
        SkipOptionalWhiteSpace();
        return !IsAtEnd;
    }

    /// <summary>A key of a dictionary or parameter.</summary>
    public bool TryReadKey(out string key)
    {
        key = "";
        if (!(Next is >= (byte)'a' and <= (byte)'z' or (byte)'*'))
        {
            return false;
        }

        var rest = _text[Position..];
        var length = rest.IndexOfAnyExcept(KeyOctets) is var end and >= 0 ? end : rest.Length;
        key = Encoding.ASCII.GetString(rest[..length]);
        Position += length;
        return true;
    }

    /// <summary>Parameters of an item; none is fine.</summary>
    public bool TryReadParameters(out List<Parameter> parameters)
    {
        parameters = [];
        while (TryTake((byte)';'))
        {
            SkipSpaces();
            if (!TryReadKey(out var key) || parameters.Count >= MaxParameters)
            {
                return false;
            }

            var value = new BareItem(BareItemKind.Boolean, "?1", "1");
            if (TryTake((byte)'=') && !TryReadBareItem(out value))
            {
                return false;
            }

            // RFC 9651 §4.2.3.2: of two with one key the last counts, in the place of the first. In a signature nobody has a reason to say a
            // thing twice, except that different readers believe different ones.
            if (parameters.Exists(parameter => parameter.Key == key))
            {
                return false;
            }

            parameters.Add(new(key, value));
        }

        return true;
    }

    /// <summary>Any bare item but a display string, which no part of a signature is.</summary>
    public bool TryReadBareItem(out BareItem item)
    {
        item = new(BareItemKind.Boolean, "?0", "0");
        switch (Next)
        {
            case (byte)'"':
                return TryReadString(out item);
            case (byte)':':
                return TryReadBytes(out item, out _);
            case (byte)'?':
                Position++;
                if (!(Next is (byte)'0' or (byte)'1'))
                {
                    return false;
                }

                var flag = Next == (byte)'1' ? "1" : "0";
                Position++;
                item = new(BareItemKind.Boolean, $"?{flag}", flag);
                return true;
            case (byte)'@':
                Position++;
                if (!TryReadNumber(out var date) || date.Kind != BareItemKind.Integer)
                {
                    return false;
                }

                item = new(BareItemKind.Date, $"@{date.Text}", date.Value);
                return true;
            case (byte)'-':
            case >= (byte)'0' and <= (byte)'9':
                return TryReadNumber(out item);
            case (byte)'*':
            case >= (byte)'a' and <= (byte)'z':
            case >= (byte)'A' and <= (byte)'Z':
                var rest = _text[Position..];
                var length = rest.IndexOfAnyExcept(TokenOctets) is var end and >= 0 ? end : rest.Length;
                var token = Encoding.ASCII.GetString(rest[..length]);
                Position += length;
                item = new(BareItemKind.Token, token, token);
                return true;
            default:
                return false;
        }
    }

    /// <summary>A string: visible ASCII and blanks, with backslashes before quotes and backslashes.</summary>
    public bool TryReadString(out BareItem item)
    {
        item = new(BareItemKind.String, "\"\"", "");
        if (!TryTake((byte)'"'))
        {
            return false;
        }

        var start = Position;
        var value = new StringBuilder();
        while (!IsAtEnd)
        {
            var octet = Next;
            Position++;
            switch (octet)
            {
                case (byte)'"':
                    item = new(BareItemKind.String, Encoding.ASCII.GetString(_text[(start - 1)..Position]), value.ToString());
                    return true;
                case (byte)'\\':
                    if (!(Next is (byte)'"' or (byte)'\\'))
                    {
                        return false;
                    }

                    value.Append((char)Next);
                    Position++;
                    break;
                case < 0x20 or > 0x7e:
                    Position--;
                    return false;
                default:
                    value.Append((char)octet);
                    break;
            }
        }

        return false;
    }

    /// <summary>A byte sequence: base64 between colons.</summary>
    public bool TryReadBytes(out BareItem item, out byte[] bytes)
    {
        item = new(BareItemKind.Bytes, "::", "");
        bytes = [];
        if (!TryTake((byte)':'))
        {
            return false;
        }

        var length = _text[Position..].IndexOf((byte)':');
        if (length < 0)
        {
            return false;
        }

        // White space inside, which the decoder would skip, is not in the grammar.
        var base64 = _text.Slice(Position, length);
        if (base64.ContainsAny(" \t\r\n"u8) || !Base64.IsValid(base64, out var decoded))
        {
            return false;
        }

        bytes = new byte[decoded];
        if (Base64.DecodeFromUtf8(base64, bytes, out _, out var written) != OperationStatus.Done || written != decoded)
        {
            return false;
        }

        Position += length + 1;
        var canonical = Convert.ToBase64String(bytes);
        item = new(BareItemKind.Bytes, $":{canonical}:", canonical);
        return true;
    }

    // RFC 9651 §4.2.4
    private bool TryReadNumber(out BareItem item)
    {
        item = new(BareItemKind.Integer, "0", "0");
        var start = Position;
        TryTake((byte)'-');
        var whole = CountDigits();
        if (whole is 0 or > MaxIntegerDigits)
        {
            return false;
        }

        if (!(Next == (byte)'.'))
        {
            var number = long.Parse(_text[start..Position], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture);
            item = new(BareItemKind.Integer, number, number);
            return true;
        }

        Position++;
        if (whole > MaxDecimalWholeDigits || CountDigits() is 0 or > MaxDecimalFraction)
        {
            return false;
        }

        var value = decimal.Parse(_text[start..Position], NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        var canonical = value.ToString("0.0##", CultureInfo.InvariantCulture);
        item = new(BareItemKind.Decimal, canonical, canonical);
        return true;
    }

    private int CountDigits()
    {
        var start = Position;
        while (Next is >= (byte)'0' and <= (byte)'9')
        {
            Position++;
        }

        return Position - start;
    }

    private void SkipOptionalWhiteSpace()
    {
        while (Next is (byte)' ' or (byte)'\t')
        {
            Position++;
        }
    }
}
