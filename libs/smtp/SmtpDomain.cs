using System.Buffers;
using System.Globalization;
using System.Text;

namespace Mailkey.Smtp;

/// <summary>
/// The Domain of RFC 5321 §4.1.2, with the U-labels of RFC 6531 §3.3. It judges what a client wrote, to the letter; a name of the DNS may
/// be more, such as one with underscores or a final dot.
/// </summary>
public static class SmtpDomain
{
    /// <summary>Octets of a domain (RFC 5321 §4.5.3.1.2).</summary>
    public const int MaxLength = 255;

    /// <summary>Octets of a label (RFC 1035 §2.3.4).</summary>
    public const int MaxLabelLength = 63;

    private static readonly SearchValues<byte> LetterDigitHyphen =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"u8);

    // UseStd3AsciiRules: a U-label must not smuggle in ASCII characters that a host name can't have.
    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true, AllowUnassigned = false };

    /// <summary>Checks a domain and gives its form for comparison and for DNS: lower case, every label an A-label.</summary>
    /// <param name="text">The domain, ASCII or UTF-8.</param>
    /// <param name="ascii">Lower case A-labels; two domains are equal when these are.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, out string ascii, out SyntaxError error)
    {
        ascii = "";
        if (text.IsEmpty || text.Length > MaxLength)
        {
            error = new(0, text.IsEmpty ? "domain expected" : "domain longer than 255 octets");
            return false;
        }

        // Domain = sub-domain *("." sub-domain); sub-domain = Let-dig [Ldh-str] / U-label
        StringBuilder? mapped = null;
        var start = 0;
        while (true)
        {
            var dot = text[start..].IndexOf((byte)'.');
            var label = dot < 0 ? text[start..] : text.Slice(start, dot);
            if (Ascii.IsValid(label))
            {
                if (label.IsEmpty || label.Length > MaxLabelLength || label[0] == (byte)'-' || label[^1] == (byte)'-'
                    || label.IndexOfAnyExcept(LetterDigitHyphen) >= 0)
                {
                    error = new(start, "domain label expected");
                    return false;
                }

                mapped?.Append(Encoding.ASCII.GetString(label));
            }
            else
            {
                if (!TryMapLabel(label, out var aLabel))
                {
                    error = new(start, "U-label expected");
                    return false;
                }

                mapped ??= new StringBuilder(Encoding.ASCII.GetString(text[..start]));
                mapped.Append(aLabel);
            }

            if (dot < 0)
            {
                break;
            }

            mapped?.Append('.');
            start += dot + 1;
        }

        if (mapped?.Length > MaxLength)
        {
            error = new(0, "domain longer than 255 octets");
            return false;
        }

        error = default;
        ascii = (mapped?.ToString() ?? Encoding.ASCII.GetString(text)).ToLowerInvariant();
        return true;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out string, out SyntaxError)"/>
    public static bool TryParse(string text, out string ascii, out SyntaxError error) =>
        TryParse(Encoding.UTF8.GetBytes(text), out ascii, out error);

    // RFC 5890 §2.3.2.1: a U-label is NFC and converts to an A-label and back without a change. Whatever the mapping would
    // have to repair (full-width letters, other full stops, ignorable characters) is no U-label but a look-alike of one.
    private static bool TryMapLabel(ReadOnlySpan<byte> label, out string aLabel)
    {
        aLabel = "";
        if (label.Length > MaxLength || !Utf8Text.IsAcceptable(label))
        {
            return false;
        }

        var text = Encoding.UTF8.GetString(label);
        try
        {
            aLabel = Idn.GetAscii(text);
            return aLabel.Length <= MaxLabelLength && string.Equals(Idn.GetUnicode(aLabel), text.ToLowerInvariant(), StringComparison.Ordinal);
        }
        catch (ArgumentException)
        {
            // The only way in which IdnMapping says no.
            return false;
        }
    }
}
