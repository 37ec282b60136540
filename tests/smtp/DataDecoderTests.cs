using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Mailkey.Smtp.Tests;

public sealed class DataDecoderTests
{
    private static readonly Arbitrary<byte[]> Data = Property.Octets("\r\n", "\r", "\n", ".", "..", "a", "\r\n.\r\n", "\0", "text");

    [Fact]
    public void DataDecoder_gives_the_lines_between_DATA_and_the_dot()
    {
        var (content, fault, rest) = Decode("Subject: x\r\n\r\nbody\r\n.\r\nMAIL", BareLineEnds.Reject);

        Assert.Equal("Subject: x\r\n\r\nbody\r\n", content);
        Assert.Equal(ContentFault.None, fault);
        Assert.Equal("MAIL", rest);
    }

    [Fact]
    public void DataDecoder_ends_an_empty_content_at_once() => Assert.Equal(("", ContentFault.None, ""), Decode(".\r\n", BareLineEnds.Reject));

    [Fact]
    public void DataDecoder_deletes_the_first_dot_of_a_line_only()
    {
        var (content, _, _) = Decode("..\r\n.a.\r\na.b\r\n...\r\n.\r\n", BareLineEnds.Reject);

        Assert.Equal(".\r\na.\r\na.b\r\n..\r\n", content);
    }

    // The ends of data that one host or another has mistaken for the real one.
    [Theory]
    [InlineData("\n.\n")]
    [InlineData("\n.\r")]
    [InlineData("\r.\n")]
    [InlineData("\r.\r")]
    [InlineData("\n.\r\n")]
    [InlineData("\r.\r\n")]
    [InlineData("\r\n.\n")]
    [InlineData("\r\n.\r")]
    [InlineData("\r\n\0.\r\n")]
    [InlineData("\r\n.\0\r\n")]
    [InlineData("\r\n.\r\r\n")]
    [InlineData("\r\r\n.\r\r\n")]
    [InlineData("\r\n\x85.\r\n")]
    public void DataDecoder_ends_only_at_CRLF_dot_CRLF(string probe)
    {
        foreach (var policy in Enum.GetValues<BareLineEnds>())
        {
            var octets = Encoding.Latin1.GetBytes($"a{probe}MAIL FROM:<smuggled@example.org>\r\n");
            var (content, fault, isComplete, _) = Decode([octets], policy);

            Assert.False(isComplete);

            // Either nobody gets the content, or what is passed on has no stray line end that somebody else could mistake.
            if (fault == ContentFault.None)
            {
                AssertCleanLineEnds(content);
                Assert.DoesNotContain("\r\n.\r\nMAIL", Encoding.Latin1.GetString(Encode([content])), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void DataDecoder_names_the_first_fault_and_finds_the_end_all_the_same()
    {
        Assert.Equal(("a", ContentFault.BareLineFeed, "QUIT"), Decode("a\nb\0\r\n.\r\nQUIT", BareLineEnds.Reject));
        Assert.Equal(("a", ContentFault.BareReturn, ""), Decode("a\rb\n\r\n.\r\n", BareLineEnds.Reject));
        Assert.Equal(("a", ContentFault.Nul, ""), Decode("a\0b\r\n.\r\n", BareLineEnds.Normalize));
    }

    [Fact]
    public void DataDecoder_normalizes_each_stray_octet_to_one_line_end() =>
        Assert.Equal(("a\r\nb\r\n\r\nc\r\n", ContentFault.None, ""), Decode("a\nb\r\r\nc\r\n.\r\n", BareLineEnds.Normalize));

    [Fact]
    public void DataDecoder_gives_the_same_for_any_chunking() => Arb.Zip(Data, Arb.From(Gen.Choose(0, int.MaxValue))).Check(input =>
    {
        foreach (var policy in Enum.GetValues<BareLineEnds>())
        {
            var whole = Decode([input.Item1], policy);
            var cut = Decode(Property.Cut(input.Item1, input.Item2), policy);

            Assert.Equal(whole.Content, cut.Content);
            Assert.Equal((whole.Fault, whole.IsComplete, whole.Used), (cut.Fault, cut.IsComplete, cut.Used));
        }
    });

    [Fact]
    public void DataDecoder_agrees_with_the_plain_reading_of_the_rule() => Data.Check(input =>
    {
        // Latin-1 keeps octets and characters one to one.
        var text = "\r\n" + Encoding.Latin1.GetString(input);
        var end = text.IndexOf("\r\n.\r\n", StringComparison.Ordinal);
        var (content, fault, isComplete, used) = Decode([input], BareLineEnds.Reject);

        Assert.Equal(end >= 0, isComplete);
        if (isComplete)
        {
            Assert.Equal(end + 3, used);
        }

        var lines = (end < 0 ? text : text[..(end + 2)])[2..];
        var stray = lines.Replace("\r\n", "", StringComparison.Ordinal).AsSpan().ContainsAny("\r\n\0");
        if (isComplete)
        {
            Assert.Equal(stray, fault != ContentFault.None);
        }

        if (isComplete && !stray)
        {
            var expected = string.Join("\r\n", lines.Split("\r\n").Select(line => line.StartsWith('.') ? line[1..] : line));
            Assert.Equal(expected, Encoding.Latin1.GetString(content));
        }
    });

    [Fact]
    public void DataDecoder_passes_on_clean_line_ends_only() => Data.Check(input =>
    {
        foreach (var policy in Enum.GetValues<BareLineEnds>())
        {
            AssertCleanLineEnds(Decode([input], policy).Content);
        }
    });

    [Fact]
    public void DataEncoder_then_DataDecoder_is_the_identity() => Arb.Zip(Data, Arb.From(Gen.Choose(0, int.MaxValue))).Check(input =>
    {
        var content = Normalized(input.Item1);
        var decoded = Decode(Property.Cut(Encode(Property.Cut(content, input.Item2)), input.Item2), BareLineEnds.Reject);

        Assert.True(decoded.IsComplete);
        Assert.Equal(ContentFault.None, decoded.Fault);
        Assert.Equal(content, decoded.Content);
    });

    [Fact]
    public void DataEncoder_has_one_end_of_data_whatever_the_content_is() => Arb.Zip(Data, Arb.From(Gen.Choose(0, int.MaxValue))).Check(input =>
    {
        var encoded = Encode(Property.Cut(input.Item1, input.Item2));
        var text = "\r\n" + Encoding.Latin1.GetString(encoded);

        Assert.Equal(text.Length - 5, text.IndexOf("\r\n.\r\n", StringComparison.Ordinal));
        AssertCleanLineEnds(encoded);
        Assert.Equal(Encode([input.Item1]), encoded);
    });

    [Theory]
    [InlineData("a", "a\r\n.\r\n")]
    [InlineData("a\r\n", "a\r\n.\r\n")]
    [InlineData("", ".\r\n")]
    [InlineData(".", "..\r\n.\r\n")]
    [InlineData("a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n")]
    [InlineData("a\r.\nb", "a\r\n..\r\nb\r\n.\r\n")]
    [InlineData("a\r\r\n.x", "a\r\n\r\n..x\r\n.\r\n")]
    public void DataEncoder_stuffs_dots_and_repairs_line_ends(string content, string encoded) =>
        Assert.Equal(encoded, Encoding.ASCII.GetString(Encode([Encoding.ASCII.GetBytes(content)])));

    [Fact]
    public void DataDecoder_leaves_dots_in_chunks_alone_and_asks_for_a_missing_line_end()
    {
        var decoder = DataDecoder.ForChunks(BareLineEnds.Reject);
        var content = Feed(ref decoder, ".\r\n..\r\na"u8);

        Assert.Equal(".\r\n..\r\na", Encoding.ASCII.GetString(content));
        Assert.False(decoder.IsComplete);
        Assert.True(decoder.CompleteChunks());
    }

    [Fact]
    public void DataDecoder_sees_a_line_end_that_two_chunks_share()
    {
        var decoder = DataDecoder.ForChunks(BareLineEnds.Reject);
        byte[] content = [.. Feed(ref decoder, "a\r"u8), .. Feed(ref decoder, "\nb\r\n"u8)];

        Assert.Equal("a\r\nb\r\n", Encoding.ASCII.GetString(content));
        Assert.False(decoder.CompleteChunks());
        Assert.Equal(ContentFault.None, decoder.Fault);
    }

    [Theory]
    [InlineData("a\nb", ContentFault.BareLineFeed)]
    [InlineData("a\rb", ContentFault.BareReturn)]
    [InlineData("a\r", ContentFault.BareReturn)]
    [InlineData("a\0", ContentFault.Nul)]
    public void DataDecoder_finds_faults_in_chunks_too(string chunk, ContentFault fault)
    {
        var decoder = DataDecoder.ForChunks(BareLineEnds.Reject);
        Feed(ref decoder, Encoding.ASCII.GetBytes(chunk));
        decoder.CompleteChunks();

        Assert.Equal(fault, decoder.Fault);
    }

    private static void AssertCleanLineEnds(byte[] octets)
    {
        var text = Encoding.Latin1.GetString(octets).Replace("\r\n", "", StringComparison.Ordinal);
        Assert.DoesNotContain('\r', text);
        Assert.DoesNotContain('\n', text);
    }

    // Complete lines, as every stored content has them.
    private static byte[] Normalized(byte[] octets)
    {
        var text = Encoding.Latin1.GetString(octets).Replace("\0", "", StringComparison.Ordinal).ReplaceLineEndings("\n")
            .Replace("\r", "\n", StringComparison.Ordinal).Replace("\u0085", "", StringComparison.Ordinal).Replace("\f", "", StringComparison.Ordinal);
        text = text.Replace("\n", "\r\n", StringComparison.Ordinal);
        return Encoding.Latin1.GetBytes(text.Length == 0 || text.EndsWith("\r\n", StringComparison.Ordinal) ? text : text + "\r\n");
    }

    private static byte[] Encode(IEnumerable<byte[]> pieces)
    {
        var output = new ArrayBufferWriter<byte>();
        var encoder = default(DataEncoder);
        foreach (var piece in pieces)
        {
            encoder.Encode(piece, output);
        }

        encoder.Complete(output);
        return output.WrittenSpan.ToArray();
    }

    private static (string Content, ContentFault Fault, string Remaining) Decode(string data, BareLineEnds policy)
    {
        var (content, fault, isComplete, used) = Decode([Encoding.Latin1.GetBytes(data)], policy);
        Assert.True(isComplete);
        return (Encoding.Latin1.GetString(content), fault, data[used..]);
    }

    private static (byte[] Content, ContentFault Fault, bool IsComplete, int Used) Decode(IEnumerable<byte[]> pieces, BareLineEnds policy)
    {
        var decoder = DataDecoder.ForData(policy);
        var content = new List<byte>();
        var used = 0;
        foreach (var input in pieces)
        {
            var position = 0;
            while (decoder.TryRead(input, ref position, out var piece))
            {
                content.AddRange(piece.IsLineEnd ? "\r\n"u8 : input.AsSpan(piece.Offset, piece.Length));
            }

            used += position;
            Assert.True(position == input.Length || decoder.IsComplete);
        }

        return ([.. content], decoder.Fault, decoder.IsComplete, used);
    }

    private static byte[] Feed(ref DataDecoder decoder, ReadOnlySpan<byte> input)
    {
        var content = new List<byte>();
        var position = 0;
        while (decoder.TryRead(input, ref position, out var piece))
        {
            content.AddRange(piece.IsLineEnd ? "\r\n"u8 : input.Slice(piece.Offset, piece.Length));
        }

        return [.. content];
    }
}
