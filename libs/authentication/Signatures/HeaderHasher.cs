using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Mailkey.Mime;

namespace Mailkey.Authentication.Signatures;

/// <summary>The hash that is signed: the chosen fields and the signature field itself, canonicalised (RFC 6376 §3.4.1, §3.4.2, §3.7).</summary>
internal static class HeaderHasher
{
    /// <param name="signature">The signature field.</param>
    /// <param name="cutStart">Where the value of b= begins in the value of the signature field.</param>
    /// <param name="cutEnd">Where it ends.</param>
    public static void Hash(
        HeaderBlock block, in SignedNames names, in HeaderField signature, int cutStart, int cutEnd, Canonicalization canonicalization, Span<byte> destination)
    {
        Span<int> indices = stackalloc int[SignedNames.MaxNames];
        names.Resolve(block, indices);

        // No field is taken twice, and no canonicalisation adds more to a field than its CRLF.
        var size = block.Octets.Length + signature.Octets.Length + 4;
        var buffer = ArrayPool<byte>.Shared.Rent(size + signature.Octets.Length);
        try
        {
            var length = 0;
            foreach (var index in indices[..names.Count])
            {
                // RFC 6376 §5.4: a name without a field signs the null string.
                if (index >= 0)
                {
                    length += Canonicalize(block.Fields[index].Name, block.Fields[index].Value, canonicalization, buffer.AsSpan(length));
                    "\r\n"u8.CopyTo(buffer.AsSpan(length));
                    length += 2;
                }
            }

            var cut = buffer.AsSpan(size);
            var value = signature.Value;
            value[..cutStart].CopyTo(cut);
            value[cutEnd..].CopyTo(cut[cutStart..]);

            // RFC 6376 §3.7: the signature field comes last, without its CRLF.
            length += Canonicalize(signature.Name, cut[..(value.Length - (cutEnd - cutStart))], canonicalization, buffer.AsSpan(length));
            SHA256.HashData(buffer.AsSpan(0, length), destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static int Canonicalize(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, Canonicalization canonicalization, Span<byte> destination)
    {
        if (canonicalization == Canonicalization.Simple)
        {
            name.CopyTo(destination);
            destination[name.Length] = (byte)':';
            value.CopyTo(destination[(name.Length + 1)..]);
            return name.Length + 1 + value.Length;
        }

        // RFC 6376 §3.4.2: name in lower case, unfolded, each run of white space one space, none at the ends of the value.
        Ascii.ToLower(name, destination, out var length);
        destination[length++] = (byte)':';
        var first = true;
        while (true)
        {
            value = value.TrimStart(" \t\r\n"u8);
            if (value.IsEmpty)
            {
                return length;
            }

            if (!first)
            {
                destination[length++] = (byte)' ';
            }

            first = false;
            var word = value.IndexOfAny(" \t\r\n"u8);
            word = word < 0 ? value.Length : word;
            value[..word].CopyTo(destination[length..]);
            length += word;
            value = value[word..];
        }
    }
}
