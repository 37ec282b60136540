namespace Mailkey.Fuzz;

/// <summary>Makes new inputs out of old ones: small damage, meaningful pieces, splices, repetitions.</summary>
internal sealed class Mutator(Random random, IReadOnlyList<byte[]> tokens)
{
    /// <summary>Larger than any limit of the parsers that is worth crossing, small enough for thousands a second.</summary>
    private const int MaxLength = 16 * 1024;

    public byte[] Mutate(byte[] seed, byte[] other)
    {
        var octets = new List<byte>(seed);
        for (var times = random.Next(1, 6); times > 0; times--)
        {
            Change(octets, other);
        }

        return octets.Count > MaxLength ? [.. octets[..MaxLength]] : [.. octets];
    }

    private void Change(List<byte> octets, byte[] other)
    {
        var at = random.Next(octets.Count + 1);
        switch (random.Next(8))
        {
            case 0 when at < octets.Count:
                octets[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < octets.Count:
                octets[at] = (byte)random.Next(256);
                break;
            case 2 when tokens.Count > 0:
                octets.InsertRange(at, tokens[random.Next(tokens.Count)]);
                break;
            case 3 when at < octets.Count:
                octets.RemoveRange(at, random.Next(1, Math.Min(16, octets.Count - at) + 1));
                break;
            case 4 when at < octets.Count:
                var piece = octets.GetRange(at, random.Next(1, Math.Min(64, octets.Count - at) + 1));
                for (var copies = 1 << random.Next(7); copies > 0 && octets.Count < MaxLength; copies--)
                {
                    octets.InsertRange(at, piece);
                }

                break;
            case 5 when other.Length > 0:
                var from = random.Next(other.Length);
                octets.InsertRange(at, other[from..Math.Min(other.Length, from + random.Next(1, 256))]);
                break;
            case 6:
                octets.RemoveRange(at, octets.Count - at);
                break;
            default:
                octets.Insert(at, "\r\n\0 \t.;:=\"\\(<>@\x7f"u8[random.Next(16)]);
                break;
        }
    }
}
