using System.Globalization;
using System.Text;
using Mailkey.Authentication.Crypto;
using Mailkey.Authentication.Keys;
using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>Writes signature fields: what a Mailkey-Signature and a DKIM-Signature have in common.</summary>
internal static class SignatureField
{
    private const int LineLength = 76;

    /// <summary>Begins a field: its name and the tags v, a, c, d, s, t and x, to the end of a line.</summary>
    public static void Begin(
        StringBuilder text, string fieldName, SigningKey key, Canonicalization header, Canonicalization body, string domain, string keyName, long time, long expiry) => text
        .Append(CultureInfo.InvariantCulture, $"{fieldName}: v=1; a={(key.Type == KeyType.Rsa ? "rsa-sha256" : "ed25519-sha256")};")
        .Append(CultureInfo.InvariantCulture, $" c={Word(header)}/{Word(body)};\r\n")
        .Append(CultureInfo.InvariantCulture, $"\td={domain}; s={keyName};\r\n")
        .Append(CultureInfo.InvariantCulture, $"\tt={time}; x={expiry};\r\n");

    /// <summary>Ends a field with the tags h, bh and b, and signs it.</summary>
    /// <param name="names">For h=.</param>
    /// <returns>The whole field with its CRLF.</returns>
    /// <exception cref="ArgumentException">There are more names than a signature can have.</exception>
    public static byte[] Complete(StringBuilder text, HeaderBlock block, string[] names, Canonicalization header, ReadOnlySpan<byte> bodyHash, SigningKey key)
    {
        text.Append("\th=");
        var column = 3;
        for (var i = 0; i < names.Length; i++)
        {
            if (i > 0)
            {
                text.Append(':');
                if (column + names[i].Length + 2 > LineLength)
                {
                    text.Append("\r\n\t");
                    column = 1;
                }
            }

            text.Append(names[i]);
            column += names[i].Length + 1;
        }

        text.Append(";\r\n\tbh=").Append(Convert.ToBase64String(bodyHash)).Append(";\r\n\tb=");

        var unsigned = Encoding.ASCII.GetBytes(text.ToString());
        var ours = HeaderBlock.Parse(unsigned).Fields[0];
        var h = Encoding.ASCII.GetBytes(string.Join(':', names));
        if (!SignedNames.TryParse(h, new Range[SignedNames.MaxNames], out var signedNames, out var error))
        {
            throw new ArgumentException($"The header block has more fields to sign than a signature can name: {error}.", nameof(block));
        }

        Span<byte> hash = stackalloc byte[BodyHasher.HashLength];
        HeaderHasher.Hash(block, signedNames, ours, ours.Value.Length, ours.Value.Length, header, hash);
        Fold(text, Convert.ToBase64String(key.SignHash(hash)), 3);
        return Encoding.ASCII.GetBytes(text.Append("\r\n").ToString());
    }

    /// <summary>Writes a long value in lines.</summary>
    /// <param name="column">Where the first line stands.</param>
    public static void Fold(StringBuilder text, string value, int column)
    {
        for (var at = 0; at < value.Length;)
        {
            var length = Math.Min(value.Length - at, LineLength - column);
            text.Append(at == 0 ? "" : "\r\n\t").Append(value, at, length);
            at += length;
            column = 1;
        }
    }

    private static string Word(Canonicalization canonicalization) => canonicalization == Canonicalization.Simple ? "simple" : "relaxed";
}
