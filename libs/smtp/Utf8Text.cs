using System.Buffers;
using System.Globalization;
using System.Text;

namespace Mailkey.Smtp;

/// <summary>Which UTF-8 an address may have beyond ASCII (RFC 6531 §3.3, RFC 6532 §3.1).</summary>
internal static class Utf8Text
{
    /// <summary>
    /// Well-formed UTF-8, in NFC, and nothing that changes how the text around it looks: no controls, no bidirectional or
    /// other invisible format characters, no line separators, no noncharacters.
    /// </summary>
    public static bool IsAcceptable(ReadOnlySpan<byte> text)
    {
        if (Ascii.IsValid(text))
        {
            return true;
        }

        for (var rest = text; !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf8(rest, out var rune, out var length) != OperationStatus.Done || !IsAcceptable(rune))
            {
                return false;
            }

            rest = rest[length..];
        }

        return Encoding.UTF8.GetString(text).IsNormalized(NormalizationForm.FormC);
    }

    private static bool IsAcceptable(Rune rune)
    {
        if (rune.IsAscii)
        {
            return true;
        }

        // Two noncharacters at the end of each plane, and a block of them.
        if ((rune.Value & 0xFFFE) == 0xFFFE || rune.Value is >= 0xFDD0 and <= 0xFDEF)
        {
            return false;
        }

        return Rune.GetUnicodeCategory(rune) switch
        {
            // RFC 5892 §2.8: the joiners are format characters that some scripts need to spell words.
            UnicodeCategory.Format => rune.Value is 0x200C or 0x200D,
            UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate => false,
            UnicodeCategory.SpaceSeparator or UnicodeCategory.PrivateUse => false,
            _ => true,
        };
    }
}
