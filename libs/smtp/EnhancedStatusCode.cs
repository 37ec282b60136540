using System.Globalization;

namespace Mailkey.Smtp;

/// <summary>An enhanced mail system status code: class.subject.detail (RFC 3463 §2).</summary>
public readonly record struct EnhancedStatusCode(int Class, int Subject, int Detail)
{
    // RFC 3463 §2: subject and detail have at most three digits.
    private const int MaxDigits = 3;

    /// <summary>Reads a code that the whole text consists of.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out EnhancedStatusCode code)
    {
        if (TryParse(text, out code, out var length) && length == text.Length)
        {
            return true;
        }

        code = default;
        return false;
    }

    /// <summary>Reads a code at the beginning of the text; <paramref name="length"/> is the number of its characters.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out EnhancedStatusCode code, out int length)
    {
        code = default;
        length = 0;

        // status-code = class "." subject "." detail; class = "2" / "4" / "5"
        if (text.Length < 5 || text[0] is not ('2' or '4' or '5') || text[1] != '.')
        {
            return false;
        }

        var position = 2;
        if (!TryReadNumber(text, ref position, out var subject) || position >= text.Length || text[position] != '.')
        {
            return false;
        }

        position++;
        if (!TryReadNumber(text, ref position, out var detail))
        {
            return false;
        }

        code = new(text[0] - '0', subject, detail);
        length = position;
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Class}.{Subject}.{Detail}");

    private static bool TryReadNumber(ReadOnlySpan<char> text, ref int position, out int number)
    {
        number = 0;
        var start = position;
        while (position < text.Length && position - start < MaxDigits && char.IsAsciiDigit(text[position]))
        {
            number = (number * 10) + (text[position++] - '0');
        }

        return position > start && (position == text.Length || !char.IsAsciiDigit(text[position]));
    }
}
