using System.Globalization;

namespace Mailkey.Authentication.Dkim;

/// <summary>The encoding that some tags have (RFC 6376 §2.11): <c>=40</c> for an at sign, white space without meaning.</summary>
internal static class DkimQuotedPrintable
{
    /// <summary>Longest text that is decoded: an address with every octet encoded.</summary>
    public const int MaxLength = 1024;

    /// <returns>False when it is too long for the destination or an equals sign is not followed by two digits.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> text, Span<byte> destination, out int length)
    {
        length = 0;
        if (text.Length > destination.Length)
        {
            return false;
        }

        for (var at = 0; at < text.Length; at++)
        {
            var octet = text[at];
            if (octet is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            {
                continue;
            }

            if (octet == '=')
            {
                if (at + 2 >= text.Length || !byte.TryParse(text.Slice(at + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out octet))
                {
                    return false;
                }

                at += 2;
            }

            destination[length++] = octet;
        }

        return true;
    }
}
