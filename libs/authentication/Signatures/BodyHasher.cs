using System.Security.Cryptography;

namespace Mailkey.Authentication.Signatures;

/// <summary>The ways to prepare text for hashing (RFC 6376 §3.4).</summary>
public enum Canonicalization
{
    Simple,
    Relaxed,
}

/// <summary>
/// SHA-256 of a body in one canonicalisation (RFC 6376 §3.4.3, §3.4.4, §3.7), fed in pieces of any size as they come from the wire.
/// Not thread-safe. After <see cref="Finish"/> it is ready for the next body.
/// </summary>
/// <remarks>
/// What is left unchanged by the canonicalisation goes to the hash straight from the caller's memory, in pieces as long as
/// possible; only where something changes do octets pass through a small buffer. Nothing is allocated for a piece.
/// </remarks>
public sealed class BodyHasher : IDisposable
{
    /// <summary>Octets of a SHA-256.</summary>
    public const int HashLength = 32;

    // A call into the hash costs as much as copying a few hundred octets.
    private const int StagingSize = 4096;
    private const int CopyBelow = 512;

    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] staging = new byte[StagingSize];
    private int staged;

    // What was read but not yet hashed, because it may turn out to be at the end of a line or of the body.
    private long pendingLineEnds;
    private bool pendingWhiteSpace;
    private bool pendingCr;
    private bool any;

    public BodyHasher(Canonicalization canonicalization) => Canonicalization = canonicalization;

    public Canonicalization Canonicalization { get; }

    /// <summary>Octets of the canonicalised body so far; complete after <see cref="Finish"/>, until the next piece.</summary>
    public long Length { get; private set; }

    /// <summary>Takes the next octets of the body: dot-stuffing removed, CRLF line ends. A CR or LF that stands alone is hashed as any other octet.</summary>
    public void Append(ReadOnlySpan<byte> octets)
    {
        if (octets.IsEmpty)
        {
            return;
        }

        if (!any)
        {
            Length = 0;
            any = true;
        }

        if (pendingCr)
        {
            pendingCr = false;
            if (octets[0] == '\n')
            {
                EndLine();
                octets = octets[1..];
            }
            else
            {
                Flush();
                Stage("\r"u8);
            }
        }

        if (Canonicalization == Canonicalization.Simple)
        {
            AppendSimple(octets);
        }
        else
        {
            AppendRelaxed(octets);
        }
    }

    /// <summary>Ends the body and writes its hash, <see cref="HashLength"/> octets.</summary>
    public void Finish(Span<byte> destination)
    {
        if (!any)
        {
            Length = 0;
        }

        if (pendingCr)
        {
            pendingCr = false;
            Flush();
            Stage("\r"u8);
        }

        pendingWhiteSpace = false;
        pendingLineEnds = 0;

        // Both end a body that does not end in CRLF with one, and reduce the empty lines at its end to none; simple makes CRLF
        // even of an empty body (RFC 6376 §3.4.3), relaxed does not (§3.4.4).
        if (Length > 0 || Canonicalization == Canonicalization.Simple)
        {
            Stage("\r\n"u8);
        }

        hash.AppendData(staging, 0, staged);
        staged = 0;
        any = false;
        hash.GetHashAndReset(destination);
    }

    /// <summary><see cref="Finish(Span{byte})"/> into a new array.</summary>
    public byte[] Finish()
    {
        var result = new byte[HashLength];
        Finish(result);
        return result;
    }

    public void Dispose() => hash.Dispose();

    private void AppendSimple(ReadOnlySpan<byte> octets)
    {
        var rest = octets;
        if (rest is [.., (byte)'\r'])
        {
            pendingCr = true;
            rest = rest[..^1];
        }

        var lineEnds = 0;
        while (rest is [.., (byte)'\r', (byte)'\n'])
        {
            lineEnds++;
            rest = rest[..^2];
        }

        if (!rest.IsEmpty)
        {
            Flush();
            Stage(rest);
        }

        pendingLineEnds += lineEnds;
    }

    private void AppendRelaxed(ReadOnlySpan<byte> octets)
    {
        // [kept, at) is text that was looked at, is to be hashed as it is, and was not handed to the hash yet.
        var kept = 0;
        var at = 0;
        while (at < octets.Length)
        {
            var found = octets[at..].IndexOf((byte)'\r');
            var end = found < 0 ? octets.Length : at + found;
            var line = octets[at..end];
            if (!line.IsEmpty && IsClean(line))
            {
                if (kept == at)
                {
                    Flush();
                }

                at = end;
            }
            else
            {
                Stage(octets[kept..at]);
                AppendWords(line);
                kept = at = end;
            }

            if (at == octets.Length)
            {
                break;
            }

            // At a CR. The line end stays in the text that is kept as it is when a line with text follows.
            if (at + 1 == octets.Length)
            {
                Stage(octets[kept..at]);
                kept = octets.Length;
                pendingCr = true;
                break;
            }

            if (octets[at + 1] != '\n')
            {
                if (kept == at)
                {
                    Flush();
                }

                // A CR that ends no line is text like any other.
                at++;
                if (at < octets.Length && octets[at] is (byte)' ' or (byte)'\t')
                {
                    Stage(octets[kept..at]);
                    kept = at;
                }

                continue;
            }

            if (kept < at && at + 2 < octets.Length && octets[at + 2] is not ((byte)'\r' or (byte)' ' or (byte)'\t'))
            {
                at += 2;
                continue;
            }

            Stage(octets[kept..at]);
            EndLine();
            kept = at += 2;
        }

        if (kept < at)
        {
            Stage(octets[kept..at]);
        }
    }

    // Whether relaxed leaves a line as it is: no tab, no two spaces together, none at either end.
    private static bool IsClean(ReadOnlySpan<byte> line) =>
        line[0] is not ((byte)' ' or (byte)'\t') && line[^1] is not ((byte)' ' or (byte)'\t') &&
        !line.Contains((byte)'\t') && line.IndexOf("  "u8) < 0;

    // One line without its end that relaxed changes. Each octet is looked at once, however odd the line is.
    private void AppendWords(ReadOnlySpan<byte> line)
    {
        var space = line.IndexOfAnyExcept((byte)' ', (byte)'\t');
        pendingWhiteSpace |= space != 0 && !line.IsEmpty;
        if (space < 0)
        {
            return;
        }

        Flush();
        line = line[space..];
        while (!line.IsEmpty)
        {
            if (staged > StagingSize / 2)
            {
                hash.AppendData(staging, 0, staged);
                staged = 0;
            }

            // A space that is owed from the part before makes the result one octet longer than the part.
            var part = line[..Math.Min(line.Length, (StagingSize / 2) - 1)];
            line = line[part.Length..];
            var target = staging.AsSpan(staged);
            var length = 0;
            var owed = pendingWhiteSpace;
            foreach (var octet in part)
            {
                if (octet is (byte)' ' or (byte)'\t')
                {
                    owed = true;
                    continue;
                }

                if (owed)
                {
                    target[length++] = (byte)' ';
                    owed = false;
                }

                target[length++] = octet;
            }

            pendingWhiteSpace = owed;
            staged += length;
            Length += length;
        }
    }

    private void EndLine()
    {
        pendingWhiteSpace = false;
        pendingLineEnds++;
    }

    private void Flush()
    {
        for (; pendingLineEnds > 0; pendingLineEnds--)
        {
            Stage("\r\n"u8);
        }

        if (pendingWhiteSpace)
        {
            pendingWhiteSpace = false;
            Stage(" "u8);
        }
    }

    private void Stage(ReadOnlySpan<byte> octets)
    {
        Length += octets.Length;
        if (octets.Length > StagingSize - staged || octets.Length >= CopyBelow)
        {
            hash.AppendData(staging, 0, staged);
            staged = 0;
            if (octets.Length >= CopyBelow)
            {
                hash.AppendData(octets);
                return;
            }
        }

        octets.CopyTo(staging.AsSpan(staged));
        staged += octets.Length;
    }
}
