using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Mailkey.Authentication.Signatures;

namespace Mailkey.Authentication.Tests.Signatures;

public sealed class BodyHasherTests
{
    // RFC 6376 §3.4.3 and §3.4.4, said as plainly as possible, over a whole body. Latin-1 keeps every octet.
    private static byte[] Model(string body, Canonicalization canonicalization)
    {
        var lines = body.Split("\r\n").ToList();
        if (canonicalization == Canonicalization.Relaxed)
        {
            lines = [.. lines.Select(line => Collapse(line).TrimEnd(' '))];
        }

        while (lines.Count > 0 && lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        var text = string.Concat(lines.Select(line => line + "\r\n"));
        return Encoding.Latin1.GetBytes(text.Length == 0 && canonicalization == Canonicalization.Simple ? "\r\n" : text);
    }

    private static string Collapse(string line)
    {
        var text = new StringBuilder();
        foreach (var c in line.Replace('\t', ' '))
        {
            if (c != ' ' || text.Length == 0 || text[^1] != ' ')
            {
                text.Append(c);
            }
        }

        return text.ToString();
    }

    private static (byte[] Hash, long Length) Hash(byte[] body, Canonicalization canonicalization, IEnumerable<int> pieces, BodyHasher? reused = null)
    {
        var hasher = reused ?? new BodyHasher(canonicalization);
        var rest = body.AsMemory();
        foreach (var piece in pieces)
        {
            var length = Math.Min(piece, rest.Length);
            hasher.Append(rest.Span[..length]);
            rest = rest[length..];
        }

        hasher.Append(rest.Span);
        return (hasher.Finish(), hasher.Length);
    }

    [Theory]
    [InlineData(Canonicalization.Simple)]
    [InlineData(Canonicalization.Relaxed)]
    public void BodyHasher_equals_the_plain_form_in_any_pieces(Canonicalization canonicalization)
    {
        var text = Gen.ArrayOf(Gen.Elements("\r\n", "\r\n", " ", " ", "\t", "a", "word", "\r", "\n", "  ", "one two three four five"))
            .Select(parts => string.Concat(parts));
        var pieces = Gen.ArrayOf(Gen.Choose(0, 9));
        using var reused = new BodyHasher(canonicalization);
        Prop.ForAll(text.ToArbitrary(), pieces.ToArbitrary(), (body, sizes) =>
        {
            var expected = Model(body, canonicalization);
            var (hash, length) = Hash(Encoding.Latin1.GetBytes(body), canonicalization, sizes, reused);
            return hash.AsSpan().SequenceEqual(SHA256.HashData(expected)) && length == expected.Length;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000).WithEndSize(60));
    }

    [Theory]
    [InlineData(Canonicalization.Simple)]
    [InlineData(Canonicalization.Relaxed)]
    public void BodyHasher_equals_the_plain_form_of_long_bodies(Canonicalization canonicalization)
    {
        var random = new System.Random(7);
        string[] lines = ["", new string('x', 5000), "a plain line of text without anything special in it", "  indented\tand\tspaced  ", " ", "\t", new string(' ', 3000) + "x", "a\t" + new string('y', 7000) + "  b c \td"];
        for (var round = 0; round < 30; round++)
        {
            var body = string.Concat(Enumerable.Range(0, 200).Select(_ => lines[random.Next(lines.Length)] + "\r\n"));
            var pieces = Enumerable.Range(0, 5000).Select(_ => random.Next(1, 4000));
            Assert.Equal(SHA256.HashData(Model(body, canonicalization)), Hash(Encoding.Latin1.GetBytes(body), canonicalization, pieces).Hash);
        }
    }

    [Theory]
    [InlineData(Canonicalization.Simple, "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=")]
    [InlineData(Canonicalization.Relaxed, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    public void BodyHasher_knows_the_hashes_of_nothing(Canonicalization canonicalization, string expected)
    {
        // RFC 6376 §3.4.3 and §3.4.4 print both.
        using var hasher = new BodyHasher(canonicalization);
        Assert.Equal(expected, Convert.ToBase64String(hasher.Finish()));
        hasher.Append("\r\n\r\n"u8);
        Assert.Equal(expected, Convert.ToBase64String(hasher.Finish()));
    }

    [Fact]
    public void BodyHasher_allocates_nothing_for_a_piece()
    {
        using var hasher = new BodyHasher(Canonicalization.Relaxed);
        var piece = Encoding.ASCII.GetBytes("a line\r\n  another  one \r\n\r\n\tthird");
        hasher.Append(piece);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            hasher.Append(piece);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
