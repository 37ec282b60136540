using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Mailkey.Smtp.Tests;

/// <summary>Generators for octets as a hostile peer would choose them.</summary>
internal static class Property
{
    /// <summary>Sequences of tokens, most of them the given ones, so that grammars are met at their edges.</summary>
    public static Arbitrary<byte[]> Octets(params string[] tokens)
    {
        var token = Gen.Frequency(
            (12, Gen.Elements(tokens.Select(Encoding.UTF8.GetBytes))),
            (2, Gen.Choose(0, 255).Select(octet => new[] { (byte)octet })),
            (1, Gen.Elements("ü", "\u202e", "e\u0301", "\ud83d\ude00").Select(Encoding.UTF8.GetBytes)));
        return Arb.From(token.ArrayOf().Select(parts => parts.SelectMany(part => part).ToArray()), Shrink);
    }

    /// <summary>Where to cut an input into pieces.</summary>
    public static IEnumerable<byte[]> Cut(byte[] input, int seed)
    {
        var random = new Random(seed);
        for (var start = 0; start < input.Length;)
        {
            var length = Math.Min(random.Next(1, 5), input.Length - start);
            yield return input.AsSpan(start, length).ToArray();
            start += length;
        }
    }

    /// <summary>The input as a sequence of several segments.</summary>
    public static ReadOnlySequence<byte> Sequence(IEnumerable<byte[]> pieces)
    {
        Segment? first = null;
        Segment? last = null;
        foreach (var piece in pieces)
        {
            last = last is null ? first = new Segment(piece, 0) : last.Append(piece);
        }

        return first is null ? default : new(first, 0, last!, last!.Memory.Length);
    }

    public static void Check<T>(this Arbitrary<T> arbitrary, Action<T> body, int runs = 1000) =>
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(runs).WithQuietOnSuccess(true), Prop.ForAll(arbitrary, body));

    private static IEnumerable<byte[]> Shrink(byte[] octets)
    {
        for (var i = 0; i < octets.Length; i++)
        {
            yield return [.. octets[..i], .. octets[(i + 1)..]];
        }
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] memory, long index) => (Memory, RunningIndex) = (memory, index);

        public Segment Append(byte[] memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
