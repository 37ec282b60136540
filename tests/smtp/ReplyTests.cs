using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Mailkey.Smtp.Tests;

public sealed class ReplyTests
{
    [Fact]
    public void SmtpReply_is_encoded_with_its_codes_on_every_line()
    {
        var reply = new SmtpReply(550, new(5, 7, 20), ["No valid signature", "See https://mailkey.example/"]);

        Assert.Equal("550-5.7.20 No valid signature\r\n550 5.7.20 See https://mailkey.example/\r\n", Encoding.ASCII.GetString(reply.Octets));
    }

    [Fact]
    public void SmtpReply_gets_a_suffix_on_its_last_line()
    {
        var output = new ArrayBufferWriter<byte>();
        new SmtpReply(250, new(2, 1, 0), ["one", "two"]).WriteTo(output, " [id]");

        Assert.Equal("250-2.1.0 one\r\n250 2.1.0 two [id]\r\n", Encoding.ASCII.GetString(output.WrittenSpan));
    }

    [Fact]
    public void SmtpReply_never_sends_control_characters_of_its_text() =>
        Assert.Equal("550 a??250 b?[0m?\r\n", Encoding.ASCII.GetString(new SmtpReply(550, null, "a\r\n250 b\x1b[0mü").Octets));

    [Fact]
    public void SmtpReply_copy_has_octets_of_its_own()
    {
        var reply = new SmtpReply(550, null, "x");
        Assert.Equal("550 x\r\n", Encoding.ASCII.GetString(reply.Octets));
        Assert.Equal("450 x\r\n", Encoding.ASCII.GetString((reply with { Code = 450 }).Octets));
    }

    [Fact]
    public void SmtpReply_breaks_long_text_into_lines_of_512_octets_that_read_back()
    {
        var text = string.Join(' ', Enumerable.Repeat("word", 400));
        var output = new ArrayBufferWriter<byte>();
        new SmtpReply(554, new(5, 0, 0), text).WriteTo(output, " [id]");
        var lines = Encoding.ASCII.GetString(output.WrittenSpan).Split("\r\n")[..^1];

        Assert.All(lines, line => Assert.InRange(line.Length, 9, SmtpReply.MaxLineLength - 2));
        Assert.All(lines[..^1], line => Assert.StartsWith("554-5.0.0 ", line, StringComparison.Ordinal));
        Assert.StartsWith("554 5.0.0 ", lines[^1], StringComparison.Ordinal);
        Assert.Equal(text + " [id]", string.Concat(lines.Select(line => line[10..])));
    }

    [Fact]
    public void ReplyParser_reads_what_SmtpReply_writes_in_any_chunking()
    {
        var word = Gen.Elements("a", "250", "5.1.1", "-", "", "x y", "2.0.0 b");
        var replies =
            from code in Gen.Choose(200, 599)
            from hasStatus in Gen.Elements(true, false)
            from subject in Gen.Choose(0, 7)
            from detail in Gen.Choose(0, 999)
            from lines in word.NonEmptyListOf()
            let status = hasStatus && code / 100 != 3 ? new EnhancedStatusCode(code / 100, subject, detail) : (EnhancedStatusCode?)null
            where status is not null || !EnhancedStatusCode.TryParse(lines[0], out _, out _)
            select new SmtpReply(code, status, lines.ToArray());
        Arb.From(Gen.Zip(replies, Gen.Choose(0, int.MaxValue))).Check(sample =>
        {
            var (expected, seed) = sample;
            var octets = expected.Octets.ToArray();
            var parser = new ReplyParser();
            var pending = Array.Empty<byte>();
            SmtpReply? reply = null;
            foreach (var piece in Property.Cut(octets, seed))
            {
                Assert.Null(reply);
                var buffer = Property.Sequence([pending, piece]);
                var status = parser.TryParse(ref buffer, out reply);
                Assert.Equal(reply is null ? OperationStatus.NeedMoreData : OperationStatus.Done, status);
                pending = buffer.ToArray();
            }

            Assert.Empty(pending);
            Assert.Equal(expected, reply);
        });
    }

    [Fact]
    public void ReplyParser_is_total() => Property.Octets("250", "-", " ", "\r\n", "\n", "5.1.1", "220 ", "999").Check(input =>
    {
        var buffer = new ReadOnlySequence<byte>(input);
        var parser = new ReplyParser();
        while (parser.TryParse(ref buffer, out var reply) == OperationStatus.Done)
        {
            Assert.InRange(reply!.Code, 200, 599);
            Assert.All(reply.Lines, line => Assert.DoesNotContain(line, char.IsControl));
        }
    });

    [Theory]
    [InlineData("abc\r\n")]
    [InlineData("25\r\n")]
    [InlineData("250x\r\n")]
    [InlineData("199 too low\r\n")]
    [InlineData("250-a\r\n550 b\r\n")]
    [InlineData("\r\n")]
    public void ReplyParser_refuses_what_is_no_reply(string input)
    {
        var buffer = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(input));

        Assert.Equal(OperationStatus.InvalidData, new ReplyParser().TryParse(ref buffer, out _));
    }

    [Fact]
    public void ReplyParser_bounds_lines_and_their_number()
    {
        var endless = new ReadOnlySequence<byte>(new byte[ReplyParser.MaxLineLength + 1]);
        Assert.Equal(OperationStatus.InvalidData, new ReplyParser().TryParse(ref endless, out _));

        var many = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("250-x\r\n", ReplyParser.MaxLines + 1))));
        Assert.Equal(OperationStatus.InvalidData, new ReplyParser().TryParse(ref many, out _));
    }

    [Fact]
    public void ReplyParser_keeps_enhanced_codes_of_another_class_as_text()
    {
        var buffer = new ReadOnlySequence<byte>("450 5.1.1 odd\r\n550 5.1.1\r\n"u8.ToArray());
        var parser = new ReplyParser();
        parser.TryParse(ref buffer, out var odd);
        parser.TryParse(ref buffer, out var bare);

        Assert.Equal(new SmtpReply(450, null, "5.1.1 odd"), odd);
        Assert.Equal(new SmtpReply(550, new(5, 1, 1), ""), bare);
    }

    [Fact]
    public void EhloResponse_has_the_keywords_with_their_parameters()
    {
        var response = EhloResponse.Parse(new SmtpReply(250, null, ["mx.example.org at your service", "SIZE 1000", "pipelining", "LIMITS MAILMAX=5 RCPTMAX=20", "8BITMIME", "?", ""]));

        Assert.Equal("mx.example.org", response.Domain);
        Assert.Equal(1000, response.MaxSize);
        Assert.True(response.Pipelining);
        Assert.True(response.EightBitMime);
        Assert.False(response.SmtpUtf8);
        Assert.Equal((20, 5), (response.MaxRecipients, response.MaxTransactions));
        Assert.False(response.Offers("?"));
    }

    [Theory]
    [InlineData("SIZE", true)]
    [InlineData("SIZE 0", true)]
    [InlineData("SIZE 99999999999999999999", true)]
    [InlineData("HELP", false)]
    public void EhloResponse_has_no_size_limit_when_none_is_told(string line, bool hasSize)
    {
        var response = EhloResponse.Parse(new SmtpReply(250, null, ["mx", line]));

        Assert.Null(response.MaxSize);
        Assert.Equal(hasSize, response.HasSize);
    }

    [Theory]
    [InlineData("5.1.1", true)]
    [InlineData("2.999.999", true)]
    [InlineData("3.1.1", false)]
    [InlineData("5.1", false)]
    [InlineData("5.1.", false)]
    [InlineData("5.1.1000", false)]
    [InlineData("5.1.1x", false)]
    [InlineData("", false)]
    public void EnhancedStatusCode_is_read_strictly(string text, bool isValid)
    {
        Assert.Equal(isValid, EnhancedStatusCode.TryParse(text, out var code));
        Assert.Equal(isValid ? text : "0.0.0", code.ToString());
    }
}
